// A handler whose frame does not fit the stack is never called: the program is killed by SIGSEGV.
#include "../include/t.h"

static void never(int n) {
  SAY("handler %d", n);
}

int main(void) {
  signal(SIGUSR1, never);
  signal(SIGSEGV, never);
  char *edge = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(edge, 4096, PROT_NONE);
  long pid = getpid();
  SAY("goes");
  asm volatile("mov %0, %%rsp; mov $62, %%eax; mov $10, %%esi; syscall; mov $231, %%eax; mov $3, %%edi; syscall" : : "r"(edge + 4200), "D"(pid) : "memory");
  return 1;
}
