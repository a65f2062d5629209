// The alignment-check flag, set by a program, takes effect as on Linux (SIGBUS).
#include "../include/t.h"

int main(void) {
  char b[16] = {0};
  SAY("before");
  __asm__ volatile("pushf\n orl $0x40000, (%%rsp)\n popf\n movl 1(%0), %%eax\n" : : "r"((uintptr_t)b & ~7ul) : "rax", "memory", "cc");
  return 0;
}
