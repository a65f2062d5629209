// Blocked signals stay pending, come on unblocking, once each for ordinary ones and in order for real-time ones.
#include "../include/t.h"

static int order[20], n;

static void note(int s) { order[n++] = s; }

int main(void) {
  sigset_t set, old, pending;
  for (int s = SIGRTMIN; s < SIGRTMIN + 3; s++) signal(s, note);
  signal(SIGUSR1, note), signal(SIGUSR2, note);
  sigfillset(&set);
  T(sigprocmask(SIG_SETMASK, &set, &old));
  for (int i = 0; i < 3; i++) {
    raise(SIGUSR2), raise(SIGUSR1);
    raise(SIGRTMIN + 2), raise(SIGRTMIN);
  }
  T(n);
  T(sigpending(&pending));
  T(sigismember(&pending, SIGUSR1));
  T(sigismember(&pending, SIGRTMIN + 1));
  struct timespec zero = {0, 0};
  siginfo_t info;
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, SIGRTMIN);
  IS(sigtimedwait(&one, &info, &zero) == SIGRTMIN);
  T(sigprocmask(SIG_SETMASK, &old, 0));
  T(n);
  int counts[4] = {0};
  for (int i = 0; i < n; i++) counts[order[i] == SIGUSR1 ? 0 : order[i] == SIGUSR2 ? 1 : order[i] == SIGRTMIN ? 2 : 3]++;
  SAY("%d %d %d %d", counts[0], counts[1], counts[2], counts[3]);
  T(sigtimedwait(&one, &info, &zero));
  T(sigprocmask(99, &set, 0));
  sigfillset(&set);
  sigprocmask(SIG_BLOCK, &set, 0);
  sigprocmask(SIG_BLOCK, 0, &old);
  T(sigismember(&old, SIGKILL));
  T(sigismember(&old, SIGSTOP));
  T(syscall(SYS_rt_sigprocmask, 0, &set, 0, 4));
  return done();
}
