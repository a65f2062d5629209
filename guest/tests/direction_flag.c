// A program may set the direction flag; the kernel is not confused by it and keeps it.
#include "../include/t.h"

int main(void) {
  char b[64];
  int zero = open("/dev/zero", O_RDONLY);
  memset(b, 'x', sizeof b);
  unsigned long flags;
  __asm__ volatile("std\n syscall\n pushf\n pop %0\n cld" : "=r"(flags) : "a"(SYS_read), "D"(zero), "S"(b + 16), "d"(16) : "rcx", "r11", "memory");
  IS(flags & 0x400);
  int zeros = 0;
  for (int i = 0; i < 64; i++) zeros += b[i] == 0;
  T(zeros);
  IS(b[15] == 'x' && b[16] == 0 && b[31] == 0 && b[32] == 'x');
  return done();
}
