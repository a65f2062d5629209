// A fork bomb stops at the user's limit of processes; it is per user, and root has none.
//: root
#include "../include/t.h"
#include <sys/resource.h>
#include <sys/wait.h>

static int fill(void) {
  int made = 0;
  pid_t child;
  while (made < 200 && (child = fork()) > 0) made++;
  if (child == 0) for (;;) pause();
  if (child < 0 && errno != EAGAIN) made = -1;
  return made;
}

static int bomb(uid_t user, int limit) {
  struct rlimit processes = {(rlim_t)limit, (rlim_t)limit};
  int status;
  pid_t child = fork();
  if (child == 0) {
    setrlimit(RLIMIT_NPROC, &processes);
    if (setpgid(0, 0) || setresgid(65000, 65000, 65000) || setresuid(user, user, user)) _exit(255);
    int made = fill();
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    while (wait(&status) > 0) {}
    _exit(made);
  }
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(void) {
  T(bomb(64991, 20));
  T(bomb(64992, 1));
  T(bomb(64993, 50));
  T(bomb(0, 20));
  return done();
}
