// Handlers run on the alternate stack when asked, also for a stack overflow, and can leave by siglongjmp.
#include "../include/t.h"
#include <setjmp.h>

static sigjmp_buf back;
static char stack[65536];
static volatile bool on_stack;

static void handler(int n) {
  char here;
  on_stack = &here >= stack && &here < stack + sizeof stack;
  if (n == SIGSEGV) siglongjmp(back, 1);
}

__attribute__((noinline)) static int forever(int n) {
  volatile char frame[1000];
  frame[0] = (char)n;
  return n < 0 ? 0 : forever(n + 1) + frame[0];
}

int main(void) {
  stack_t s = {.ss_sp = stack, .ss_size = sizeof stack}, old;
  T(sigaltstack(&s, 0));
  T(sigaltstack(0, &old));
  IS(old.ss_sp == stack && old.ss_size == sizeof stack);
  struct sigaction a = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
  sigaction(SIGUSR1, &a, 0), sigaction(SIGSEGV, &a, 0);
  T(raise(SIGUSR1));
  IS(on_stack);
  on_stack = false;
  if (!sigsetjmp(back, 1)) forever(0);
  IS(on_stack);
  if (!sigsetjmp(back, 1)) forever(0);
  SAY("survived twice");
  s.ss_size = 100;
  T(sigaltstack(&s, 0));
  s.ss_flags = SS_DISABLE;
  T(sigaltstack(&s, 0));
  return done();
}
