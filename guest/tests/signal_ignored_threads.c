// What becomes ignored is no longer pending, for threads either; and a thread that is not the first speaks for its process no more than others do.
#include "../include/t.h"
#include <pthread.h>

static bool is_pending(int number) {
  sigset_t set;
  sigpending(&set);
  return sigismember(&set, number);
}

static void *other(void *unused) {
  (void)unused;
  siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_TKILL};
  SAY("another thread, in the name of the first and in its own");
  T(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &info));
  T(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &info));
  T(syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), SIGUSR1, &info));
  SAY("%d", is_pending(SIGUSR1));
  T(syscall(SYS_rt_tgsigqueueinfo, getpid(), -1, SIGUSR1, &info));
  T(syscall(SYS_rt_tgsigqueueinfo, -1, getpid(), SIGUSR1, &info));
  return 0;
}

int main(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, 0);
  T(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1));
  T(kill(getpid(), SIGCHLD));
  SAY("%d %d", is_pending(SIGUSR1), is_pending(SIGCHLD));
  signal(SIGUSR1, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
  SAY("%d %d", is_pending(SIGUSR1), is_pending(SIGCHLD));
  signal(SIGUSR1, SIG_DFL);
  SAY("%d", is_pending(SIGUSR1));
  pthread_t thread;
  if (pthread_create(&thread, 0, other, 0)) return 1;
  pthread_join(thread, 0);
  return done();
}
