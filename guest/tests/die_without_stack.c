// A system call with a useless stack pointer works; the fault that follows is an ordinary death.
#include "../include/t.h"

int main(void) {
  SAY("before");
  __asm__ volatile("mov $0x8000000000000000, %%rsp\n mov $39, %%eax\n syscall\n mov %%rax, 8\n" : : : "rax", "rcx", "r11", "memory");
  return 0;
}
