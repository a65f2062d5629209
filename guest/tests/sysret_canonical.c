// A system call as the last instruction below the end of the user's half returns or dies without harm to the kernel.
#include "../include/t.h"

int main(void) {
  char *last = (char *)0x7fffffffe000;
  char *p = mmap(last, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (p != last) { SAY("before"); raise(SIGSEGV); }
  p[4094] = 0x0f, p[4095] = 0x05;
  SAY("before");
  __asm__ volatile("mov $39, %%eax\n jmp *%0" : : "r"(p + 4094) : "rax", "rcx", "r11", "memory");
  return 0;
}
