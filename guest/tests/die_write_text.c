// Writing to the program's code dies of SIGSEGV.
#include "../include/t.h"

int main(void) {
  SAY("before");
  *(volatile char *)main = 1;
  return 0;
}
