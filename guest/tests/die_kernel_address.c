// Reading the kernel's memory dies of SIGSEGV.
#include "../include/t.h"

int main(void) {
  SAY("before");
  return *(volatile char *)0xffffffff80000000;
}
