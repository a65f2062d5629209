// Children that end without SIGCHLD: who waits for them says so.
#include "../include/t.h"
#include <sched.h>
#include <sys/wait.h>

static pid_t make(unsigned long signal) {
  fflush(stdout);
  pid_t child = syscall(SYS_clone, signal, 0, 0, 0, 0);
  if (child == 0) _exit(7);
  return child;
}

int main(void) {
  int status;
  siginfo_t info;
  signal(SIGUSR1, SIG_IGN);
  pid_t child = make(0);
  T(waitpid(-1, &status, 0));
  T(waitpid(child, &status, WNOHANG));
  T(waitid(P_PID, child, &info, WEXITED));
  OK(waitpid(child, &status, __WCLONE));
  SAY("%d", WEXITSTATUS(status));
  child = make(0);
  OK(waitpid(child, &status, __WALL));
  SAY("%d", WEXITSTATUS(status));
  child = make(SIGUSR1);
  T(waitpid(-1, &status, 0));
  OK(waitpid(-1, &status, __WCLONE));
  child = make(SIGCHLD);
  T(waitpid(-1, &status, __WCLONE));
  OK(waitpid(-1, &status, __WALL));
  T(waitpid(-1, &status, __WALL));

  SAY("who waits for the maker's memory does so without sharing it too");
  int p[2];
  if (pipe2(p, O_NONBLOCK)) return 1;
  child = syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) {
    usleep(50000);
    _exit(write(p[1], "x", 1) != 1);
  }
  char byte;
  T(read(p[0], &byte, 1));
  OK(waitpid(child, &status, 0));
  return done();
}
