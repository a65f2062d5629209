// sigsuspend lets signals through while it sleeps: one that was pending, one that comes, and the end of a child.
#include "../include/t.h"
#include <sys/wait.h>

static volatile int usr, chld;

static void count(int n) {
  if (n == SIGUSR1) usr++;
  else chld++;
}

int main(void) {
  sigset_t all, old, now;
  struct sigaction a = {.sa_handler = count};
  sigaction(SIGUSR1, &a, 0);
  sigaction(SIGCHLD, &a, 0);
  sigfillset(&all);
  T(sigprocmask(SIG_SETMASK, &all, &old));
  T(sigismember(&old, SIGCHLD));
  raise(SIGUSR1);
  T(sigsuspend(&old));
  SAY("%d %d", usr, chld);
  for (int i = 0; i < 3; i++) {
    pid_t child = fork();
    if (child == 0) {
      usleep(20000 * (useconds_t)i);
      _exit(0);
    }
    while (chld == i) sigsuspend(&old);
    T(waitpid(child, 0, WNOHANG) == child);
  }
  pid_t child = fork();
  if (child == 0) {
    usleep(30000);
    kill(getppid(), SIGUSR1);
    _exit(0);
  }
  T(sigsuspend(&old));
  IS(usr == 2);
  while (chld == 3) sigsuspend(&old);
  T(sigprocmask(SIG_SETMASK, 0, &now));
  T(sigismember(&now, SIGCHLD));
  T(waitpid(child, 0, 0) == child);
  return done();
}
