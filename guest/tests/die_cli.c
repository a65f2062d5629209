// Switching interrupts off dies of SIGSEGV.
#include "../include/t.h"

int main(void) {
  SAY("before");
  __asm__ volatile("cli");
  return 0;
}
