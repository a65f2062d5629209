// A breakpoint without a debugger dies of SIGTRAP.
#include "../include/t.h"

int main(void) {
  SAY("before");
  __asm__ volatile("int3");
  return 0;
}
