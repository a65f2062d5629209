// Locking brings pages in and unlocking is allowed; holes are ENOMEM.
#include "../include/t.h"

int main(void) {
  unsigned char vec[4];
  char *p = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  T(mlock(p, 2 * 4096));
  mincore(p, 2 * 4096, vec);
  SAY("%d%d", vec[0] & 1, vec[1] & 1);
  T(munlock(p, 4096));
  T(mlock2(p, 4096, MLOCK_ONFAULT));
  T(mlock2(p, 4096, 8));
  T(munmap(p + 2 * 4096, 4096));
  T(mlock(p, 4 * 4096));
  T(munlock(p, 4 * 4096));
  T(mlock((void *)~0xfffful, 4096));
  T(mlockall(MCL_CURRENT));
  T(munlockall());
  T(mlockall(0));
  T(mlockall(64));
  char *q = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  mincore(q, 8192, vec);
  SAY("%d%d", vec[0] & 1, vec[1] & 1);
  return done();
}
