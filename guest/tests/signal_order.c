// Real-time signals queue in order with their values, others are pending once; of several that are let through at once the last taken runs first.
#include "../include/t.h"

static char log_[512];
static int len;

static void note(int n, siginfo_t *i, void *c) {
  (void)c;
  len += snprintf(log_ + len, sizeof log_ - len, " %s%d/%d", n >= SIGRTMIN ? "rt" : "", n >= SIGRTMIN ? n - SIGRTMIN : n, i->si_code == SI_QUEUE ? i->si_value.sival_int : -1);
}

static void flush(const char *what) {
  SAY("%s:%s", what, log_);
  len = 0, log_[0] = 0;
}

static void send_all(void) {
  for (int i = 0; i < 3; i++) {
    sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = i});
    sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 10 + i});
    sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 20 + i});
    kill(getpid(), SIGHUP);
  }
}

int main(void) {
  int numbers[] = {SIGHUP, SIGUSR1, SIGRTMIN + 1, SIGRTMIN + 2};
  sigset_t all, none, old, pending;
  sigfillset(&all), sigemptyset(&none);
  for (int full = 0; full < 2; full++) {
    struct sigaction a = {0};
    a.sa_sigaction = note;
    a.sa_flags = SA_SIGINFO;
    a.sa_mask = full ? all : none;
    for (int i = 0; i < 4; i++) T(sigaction(numbers[i], &a, 0));
    T(sigprocmask(SIG_BLOCK, &all, &old));
    send_all();
    T(sigpending(&pending));
    for (int i = 0; i < 4; i++) T(sigismember(&pending, numbers[i]));
    T(sigprocmask(SIG_SETMASK, &old, 0));
    flush(full ? "one after the other" : "nested");
  }
  // Ignoring a pending signal forgets it, however often it is queued.
  T(sigprocmask(SIG_BLOCK, &all, 0));
  send_all();
  signal(SIGRTMIN + 1, SIG_IGN);
  signal(SIGUSR1, SIG_IGN);
  signal(SIGHUP, SIG_DFL);
  signal(SIGHUP, SIG_IGN);
  T(sigpending(&pending));
  for (int i = 0; i < 4; i++) T(sigismember(&pending, numbers[i]));
  T(sigprocmask(SIG_SETMASK, &old, 0));
  flush("the rest");
  T(sigqueue(getpid(), 65, (union sigval){0}));
  T(sigqueue(getpid(), 0, (union sigval){0}));
  T(sigqueue(99999999, SIGUSR1, (union sigval){0}));
  siginfo_t forged = {.si_signo = SIGUSR1, .si_code = SI_USER};
  T(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &forged));
  T(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, 8));
  return done();
}
