// An undefined instruction dies of SIGILL.
#include "../include/t.h"

int main(void) {
  SAY("before");
  __asm__ volatile("ud2");
  return 0;
}
