// A fault whose signal is blocked kills at once, though there is a handler.
#include "../include/t.h"

static void handler(int n) {
  SAY("handler of %d", n);
}

int main(void) {
  sigset_t all;
  sigfillset(&all);
  signal(SIGSEGV, handler);
  sigprocmask(SIG_BLOCK, &all, 0);
  SAY("goes");
  *(volatile int *)8 = 1;
  SAY("not reached");
  return 0;
}
