// Handlers: delivery, siginfo, masks while they run, one-shot, nesting, restart and interruption.
#include "../include/t.h"
#include <ucontext.h>

static volatile int count, nested, value;
static volatile siginfo_t seen;

static void plain(int n) { count += n == SIGUSR1; }

static void info(int n, siginfo_t *i, void *context) {
  (void)n;
  seen.si_code = i->si_code, seen.si_pid = i->si_pid;
  value = i->si_value.sival_int;
  IS(context && ((ucontext_t *)context)->uc_mcontext.gregs[REG_RSP] != 0);
}

static void raises(int n) {
  nested++;
  if (nested == 1) {
    raise(n);
    IS(nested == 1);
    raise(SIGUSR1);
    IS(count > 0);
  }
}

int main(void) {
  struct sigaction a = {0}, old;
  IS(signal(SIGUSR1, plain) == SIG_DFL);
  T(raise(SIGUSR1));
  T(count);
  a.sa_sigaction = info;
  a.sa_flags = SA_SIGINFO;
  T(sigaction(SIGUSR2, &a, 0));
  T(kill(getpid(), SIGUSR2));
  IS(seen.si_code == SI_USER && seen.si_pid == getpid());
  T(sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = 1234}));
  T(value);
  T(seen.si_code == SI_QUEUE);
  a.sa_handler = raises;
  a.sa_flags = 0;
  T(sigaction(SIGHUP, &a, 0));
  count = 0;
  T(raise(SIGHUP));
  T(nested);
  a.sa_handler = plain;
  a.sa_flags = SA_RESETHAND;
  T(sigaction(SIGUSR1, &a, 0));
  T(raise(SIGUSR1));
  T(sigaction(SIGUSR1, 0, &old));
  IS(old.sa_handler == SIG_DFL);
  T(sigaction(SIGKILL, &a, 0));
  T(sigaction(SIGSTOP, &a, 0));
  T(sigaction(65, &a, 0));
  T(sigaction(0, &a, 0));
  return done();
}
