// Nothing can be mapped below mmap_min_addr by a user without the privilege, and a hint there is moved.
//: root
#include "../include/t.h"

int main(void) {
  int rw = PROT_READ | PROT_WRITE, anon = MAP_PRIVATE | MAP_ANONYMOUS;
  T(setresuid(1000, 1000, 1000));
  OK(mmap(0, 4096, rw, anon | MAP_FIXED, -1, 0));
  OK(mmap((void *)0x10000, 4096, rw, anon | MAP_FIXED, -1, 0));
  char *p = mmap((void *)0x10, 4096, rw, anon, -1, 0);
  IS(p >= (char *)0x1000);
  return done();
}
