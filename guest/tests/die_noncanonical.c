// Jumping to an address that cannot exist dies of SIGSEGV.
#include "../include/t.h"

int main(void) {
  SAY("before");
  ((void (*)(void))0x8000000000000000)();
  return 0;
}
