// A program that dereferences null dies of SIGSEGV.
#include "../include/t.h"

int main(void) {
  SAY("before");
  *(volatile int *)0 = 1;
  SAY("after");
  return 0;
}
