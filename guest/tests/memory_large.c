// A large mapping is only paid where touched; a hundred scattered pages of 16 GiB keep their content.
#include "../include/t.h"

int main(void) {
  size_t size = 16ul << 30;
  char *p = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  IS(p != MAP_FAILED);
  madvise(p, size, MADV_NOHUGEPAGE);
  for (size_t i = 0; i < 100; i++) *(size_t *)(p + i * (size / 100 & ~4095ul)) = i + 1;
  size_t sum = 0;
  for (size_t i = 0; i < 100; i++) sum += *(size_t *)(p + i * (size / 100 & ~4095ul));
  IS(sum == 5050);
  T(munmap(p, size));
  return done();
}
