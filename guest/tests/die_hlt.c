// A privileged instruction dies of SIGSEGV.
#include "../include/t.h"

int main(void) {
  SAY("before");
  __asm__ volatile("hlt");
  return 0;
}
