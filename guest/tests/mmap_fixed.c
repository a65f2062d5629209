// MAP_FIXED replaces what is there, MAP_FIXED_NOREPLACE does not, and a plain address is a hint.
#include "../include/t.h"

int main(void) {
  int rw = PROT_READ | PROT_WRITE, anon = MAP_PRIVATE | MAP_ANONYMOUS;
  char *area = mmap(0, 16 * 4096, rw, anon, -1, 0);
  memset(area, 'a', 16 * 4096);
  char *p = mmap(area + 4 * 4096, 2 * 4096, rw, anon | MAP_FIXED, -1, 0);
  IS(p == area + 4 * 4096);
  IS(p[0] == 0 && p[8191] == 0 && p[-1] == 'a' && p[8192] == 'a');
  OK(mmap(area, 4096, rw, anon | MAP_FIXED_NOREPLACE, -1, 0));
  OK(mmap(area + 15 * 4096, 8192, rw, anon | MAP_FIXED_NOREPLACE, -1, 0));
  IS(area[0] == 'a' && area[15 * 4096] == 'a');
  T(munmap(area + 8 * 4096, 4 * 4096));
  IS(mmap(area + 9 * 4096, 4096, rw, anon | MAP_FIXED_NOREPLACE, -1, 0) == area + 9 * 4096);
  IS(mmap(area + 10 * 4096, 4096, rw, anon, -1, 0) == area + 10 * 4096);
  char *elsewhere = mmap(area, 4096, rw, anon, -1, 0);
  IS(elsewhere != area && elsewhere != MAP_FAILED);
  IS(area[0] == 'a');
  char *rounded = mmap(area + 11 * 4096 + 123, 4096, rw, anon, -1, 0);
  IS(rounded != MAP_FAILED && ((uintptr_t)rounded & 4095) == 0);
  OK(mmap((void *)0x1000, 4096, PROT_READ, anon | MAP_FIXED, -1, 0));
  return done();
}
