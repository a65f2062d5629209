// Executing data dies of SIGSEGV.
#include "../include/t.h"

int main(void) {
  char *p = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  p[0] = (char)0xc3;
  SAY("before");
  ((void (*)(void))p)();
  SAY("after");
  return 0;
}
