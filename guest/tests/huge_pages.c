// 64 MiB touched and dropped in odd pieces keeps each byte right, whatever the size of the pages behind it.
#include "../include/t.h"

int main(void) {
  size_t size = 64ul << 20;
  unsigned char *p = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  T(madvise(p, size, MADV_HUGEPAGE) * 0);
  for (size_t i = 0; i < size; i += 4096) p[i + i / 4096 % 4096] = (unsigned char)(1 + i / 4096 % 251);
  T(madvise(p + (5 << 20) + 4096, 3 * 4096, MADV_DONTNEED));
  T(munmap(p + (9 << 20) + 8192, 4096));
  T(mprotect(p + (20 << 20) + 4096 * 7, 4096, PROT_READ));
  size_t bad = 0;
  for (size_t i = 0; i < size; i += 4096) {
    if (i == (9 << 20) + 8192) continue;
    bool dropped = i >= (5 << 20) + 4096 && i < (5 << 20) + 4096 * 4;
    bad += p[i + i / 4096 % 4096] != (dropped ? 0 : (unsigned char)(1 + i / 4096 % 251));
  }
  IS(bad == 0);
  return done();
}
