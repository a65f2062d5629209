// Touching a guard page dies of SIGSEGV.
#include "../include/t.h"

int main(void) {
  char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(p + 4096, 4096, PROT_NONE);
  p[4095] = 1;
  SAY("before");
  return p[4096];
}
