// The alternate stack: for stack overflows, nested, forgotten when a handler begins, in use.
#include "../include/t.h"
#include <setjmp.h>
#include <ucontext.h>

static char *stack, *other;
static sigjmp_buf back;
static volatile int depth;

static bool on(char *which) {
  char here;
  return &here >= which && &here < which + 65536;
}

static void overflow(int n) {
  SAY("signal %d on the alternate stack: %d", n, on(stack));
  siglongjmp(back, 1);
}

__attribute__((noinline)) static int eat(volatile int n) {
  volatile char room[4096];
  room[n % 4096] = 1;
  return n < 0 ? 0 : eat(n + 1) + room[0];
}

static void nested(int n, siginfo_t *i, void *context) {
  (void)i;
  stack_t now, wanted = {.ss_sp = other, .ss_size = 65536};
  stack_t saved = ((ucontext_t *)context)->uc_stack;
  sigaltstack(0, &now);
  SAY("signal %d: on it %d, flags %x, saved flags %x, saved stack %d", n, on(stack), now.ss_flags, saved.ss_flags, saved.ss_sp == stack);
  if (n == SIGUSR1) {
    T(sigaltstack(&wanted, 0));
    raise(SIGUSR2);
  }
}

int main(void) {
  stack = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  other = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  stack_t s = {.ss_sp = stack, .ss_size = 65536}, now;
  T(sigaltstack(0, &now));
  SAY("at first: flags %x, size %zu", now.ss_flags, now.ss_size);
  s.ss_size = 2047;
  T(sigaltstack(&s, 0));
  s.ss_size = 65536, s.ss_flags = 8;
  T(sigaltstack(&s, 0));
  s.ss_flags = 0;
  T(sigaltstack(&s, &now));
  struct sigaction a = {0};
  a.sa_handler = overflow;
  a.sa_flags = SA_ONSTACK;
  sigaction(SIGSEGV, &a, 0);
  if (sigsetjmp(back, 1) == 0) eat(0);
  if (sigsetjmp(back, 1) == 0) eat(0);
  a.sa_sigaction = nested;
  a.sa_flags = SA_ONSTACK | SA_SIGINFO;
  sigaction(SIGUSR1, &a, 0), sigaction(SIGUSR2, &a, 0);
  T(raise(SIGUSR1));
  T(sigaltstack(0, &now));
  SAY("after: flags %x, same %d", now.ss_flags, now.ss_sp == stack);
  // SS_AUTODISARM: forgotten when the handler begins, back when it returns.
  s.ss_flags = 1 << 31;
  T(sigaltstack(&s, 0));
  T(sigaltstack(0, &now));
  SAY("flags %x", now.ss_flags);
  T(raise(SIGUSR1));
  T(sigaltstack(0, &now));
  SAY("after: flags %x, same %d", now.ss_flags, now.ss_sp == stack);
  // A handler that does not ask for it stays where it is.
  a.sa_flags = SA_SIGINFO;
  sigaction(SIGUSR2, &a, 0);
  T(raise(SIGUSR2));
  return done();
}
