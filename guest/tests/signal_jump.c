// siglongjmp out of handlers, thousands of times: the mask comes back, nothing of the frames stays behind.
#include "../include/t.h"
#include <setjmp.h>

static sigjmp_buf back;
static volatile long count;

static void jump(int n) {
  count++;
  siglongjmp(back, n);
}

int main(void) {
  signal(SIGSEGV, jump);
  signal(SIGFPE, jump);
  volatile int zero = 0, i;
  for (i = 0; i < 3000; i++) {
    int n = sigsetjmp(back, 1);
    if (n == 0) {
      if (i % 2) *(volatile int *)(long)(i * 4) = 1;
      else zero = 1 / zero;
      SAY("not reached");
    }
  }
  SAY("%ld", count);
  // Without the mask, the signal stays blocked, and the next one kills.
  sigset_t now;
  sigprocmask(SIG_BLOCK, 0, &now);
  T(sigismember(&now, SIGSEGV));
  if (sigsetjmp(back, 0) == 0) *(volatile int *)8 = 1;
  sigprocmask(SIG_BLOCK, 0, &now);
  T(sigismember(&now, SIGSEGV));
  *(volatile int *)8 = 1;
  SAY("not reached");
  return done();
}
