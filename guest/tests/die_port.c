// Port access dies of SIGSEGV.
#include "../include/t.h"

int main(void) {
  SAY("before");
  __asm__ volatile("outb %%al, $0xf4" : : "a"(0));
  return 0;
}
