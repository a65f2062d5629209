// An anonymous mapping is zero, private, page-aligned, rounded up to pages and gone after munmap.
#include "../include/t.h"

static int resident(void *at) {
  unsigned char vec[1];
  return mincore(at, 4096, vec);
}

int main(void) {
  char *p = mmap(0, 10000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  IS(p != MAP_FAILED);
  IS(((uintptr_t)p & 4095) == 0);
  int sum = 0;
  for (int i = 0; i < 12288; i++) sum |= p[i];
  IS(sum == 0);
  p[0] = 1, p[9999] = 2, p[12287] = 3;
  IS(p[0] + p[9999] + p[12287] == 6);
  T(munmap(p + 4096, 1));
  T(resident(p));
  T(resident(p + 4096));
  T(resident(p + 8192));
  IS(p[0] == 1 && p[12287] == 3);
  T(munmap(p, 12288));
  T(resident(p));
  T(resident(p + 8192));
  T(munmap(p, 12288));
  return done();
}
