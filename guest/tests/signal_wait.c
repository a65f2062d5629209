// sigtimedwait takes what is pending, in order, waits, times out, is interrupted by others; sigsuspend gives the mask back.
#include "../include/t.h"
#include <pthread.h>

static volatile int hits;

static void hit(int n) {
  (void)n;
  hits++;
}

static void *send_later(void *thread) {
  usleep(30000);
  pthread_kill(*(pthread_t *)thread, SIGUSR2);
  usleep(30000);
  sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 5});
  return 0;
}

int main(void) {
  sigset_t set, empty;
  siginfo_t info;
  struct timespec zero = {0, 0}, bit = {0, 30000000}, bad = {0, 2000000000}, longer = {5, 0};
  sigemptyset(&empty), sigemptyset(&set);
  sigaddset(&set, SIGUSR1), sigaddset(&set, SIGRTMIN), sigaddset(&set, SIGRTMIN + 1), sigaddset(&set, SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &set, 0);
  T(sigtimedwait(&set, &info, &zero));
  T(sigtimedwait(&set, &info, &bad));
  long long before = now_ns(CLOCK_MONOTONIC);
  T(sigtimedwait(&set, &info, &bit));
  IS(now_ns(CLOCK_MONOTONIC) - before >= 30000000);
  sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 2});
  sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 1});
  pthread_kill(pthread_self(), SIGRTMIN + 1);
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGCHLD);
  for (int i = 0; i < 5; i++) {
    int n = sigtimedwait(&set, &info, &zero);
    SAY("%d: %d code %d value %d self %d", i, n >= SIGRTMIN ? n - SIGRTMIN + 1000 : n, info.si_code, info.si_code == SI_QUEUE ? info.si_value.sival_int : 0, info.si_pid == getpid());
  }
  T(sigtimedwait(&set, 0, &zero));
  signal(SIGUSR2, hit);
  pthread_t self = pthread_self(), t;
  pthread_create(&t, 0, send_later, &self);
  T(sigtimedwait(&set, &info, &longer));
  T(hits);
  T(sigwaitinfo(&set, &info) == SIGRTMIN);
  T(info.si_value.sival_int);
  pthread_join(t, 0);
  T(sigtimedwait((sigset_t *)8, &info, &zero));
  kill(getpid(), SIGUSR1);
  T(sigtimedwait(&set, (siginfo_t *)8, &zero));
  T(syscall(SYS_rt_sigtimedwait, &set, &info, &zero, 4));

  // sigsuspend lets one in and holds it back again after its handler.
  signal(SIGUSR1, hit);
  hits = 0;
  kill(getpid(), SIGUSR1);
  T(hits);
  T(sigsuspend(&empty));
  T(hits);
  kill(getpid(), SIGUSR1);
  T(hits);
  T(sigpending(&empty));
  T(sigismember(&empty, SIGUSR1));
  T(syscall(SYS_rt_sigsuspend, &empty, 4));
  T(syscall(SYS_rt_sigsuspend, 8, 8));
  return done();
}
