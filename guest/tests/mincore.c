// mincore tells touched pages from untouched ones and refuses holes.
#include "../include/t.h"

int main(void) {
  unsigned char vec[8];
  char *p = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(p, 4 * 4096, MADV_NOHUGEPAGE);
  p[4096] = 1, p[3 * 4096] = 1;
  T(mincore(p, 4 * 4096, vec));
  SAY("%d%d%d%d", vec[0] & 1, vec[1] & 1, vec[2] & 1, vec[3] & 1);
  T(mincore(p + 1, 4096, vec));
  T(mincore(p, 4096, 0));
  T(mincore(p, 0, vec));
  T(munmap(p + 2 * 4096, 4096));
  T(mincore(p, 4 * 4096, vec));
  T(mincore((void *)0x7ffffffff000, 4096, vec));
  return done();
}
