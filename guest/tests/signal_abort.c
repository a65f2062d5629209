// abort kills even when its handler returns.
#include "../include/t.h"

static void handler(int n) {
  SAY("handler of %d", n == SIGABRT);
}

int main(void) {
  sigset_t all;
  sigfillset(&all);
  signal(SIGABRT, handler);
  sigprocmask(SIG_BLOCK, &all, 0);
  abort();
}
