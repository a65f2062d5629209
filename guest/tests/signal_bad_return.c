// A return from a handler that never ran is a fault.
#include "../include/t.h"

static void handler(int n) {
  SAY("handler of %d", n);
  _exit(9);
}

int main(void) {
  signal(SIGSEGV, handler);
  char *top = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  top += 1 << 19;
  SAY("goes");
  asm volatile("mov %0, %%rsp; mov $15, %%eax; syscall" : : "r"(top) : "memory");
  return 1;
}
