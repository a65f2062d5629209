// Vector state in a frame that the machine cannot load is a fault; nonsense beside it is taken for the legacy area alone.
#include "../include/t.h"
#include <setjmp.h>
#include <ucontext.h>

static volatile int kind;
static sigjmp_buf back;

static void faulted(int n, siginfo_t *i, void *context) {
  (void)context;
  SAY("%d: signal %d code %x", kind, n, i->si_code);
  siglongjmp(back, 1);
}

static void spoil(int n, siginfo_t *i, void *context) {
  (void)n, (void)i;
  ucontext_t *c = context;
  char *f = (char *)c->uc_mcontext.fpregs;
  switch (kind) {
    case 0: *(unsigned long *)(f + 512) |= 1ul << 62; break;
    case 1: *(unsigned long *)(f + 520) = 1ul << 63 | 3; break;
    case 2: *(unsigned *)(f + 24) = 0xffffffff; break;
    case 3: *(unsigned *)(f + 464) = 0; break;
    case 4: *(unsigned *)(f + 480) = 64; break;
    case 5: *(unsigned *)(f + *(unsigned *)(f + 480)) = 7; break;
    case 6: c->uc_mcontext.fpregs = 0; break;
    case 7: c->uc_mcontext.fpregs = (void *)8; break;
    case 8: c->uc_mcontext.fpregs = (void *)0xffff800000000000; break;
    case 9: c->uc_mcontext.gregs[REG_RIP] = 0x8000000000000000; break;
  }
}

int main(void) {
  struct sigaction a = {0};
  a.sa_sigaction = spoil;
  a.sa_flags = SA_SIGINFO;
  sigaction(SIGUSR1, &a, 0);
  stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
  sigaltstack(&stack, 0);
  a.sa_sigaction = faulted;
  a.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &a, 0);
  for (kind = 0; kind < 10; kind++)
    if (sigsetjmp(back, 1) == 0) {
      raise(SIGUSR1);
      SAY("%d: comes back", kind);
    }
  return done();
}
