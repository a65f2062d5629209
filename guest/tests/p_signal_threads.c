// A signal for the process goes to a thread that does not block it; one for a thread goes to that thread.
#include "../include/t.h"
#include <pthread.h>

static volatile pid_t where;
static volatile int ready, stop;

static void note(int n) {
  (void)n;
  where = (pid_t)syscall(SYS_gettid);
}

static void *open_one(void *tid) {
  sigset_t s;
  sigemptyset(&s);
  sigaddset(&s, SIGUSR1);
  *(pid_t *)tid = (pid_t)syscall(SYS_gettid);
  pthread_sigmask(SIG_UNBLOCK, &s, 0);
  ready = 1;
  while (!stop) usleep(1000);
  return 0;
}

int main(void) {
  sigset_t s;
  pid_t tid;
  pthread_t t;
  sigemptyset(&s);
  sigaddset(&s, SIGUSR1);
  signal(SIGUSR1, note);
  pthread_sigmask(SIG_BLOCK, &s, 0);
  pthread_create(&t, 0, open_one, &tid);
  while (!ready) usleep(1000);
  T(kill(getpid(), SIGUSR1));
  while (!where) usleep(1000);
  IS(where == tid);
  where = 0;
  T(pthread_kill(pthread_self(), SIGUSR1));
  usleep(20000);
  IS(where == 0);
  pthread_sigmask(SIG_UNBLOCK, &s, 0);
  IS(where == getpid());
  stop = 1;
  pthread_join(t, 0);
  T(syscall(SYS_tgkill, getpid(), 9999999, SIGUSR1));
  T(syscall(SYS_tgkill, -1, getpid(), SIGUSR1));
  return done();
}
