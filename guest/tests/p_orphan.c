// An orphan gets a new parent; its end is not the grandparent's business.
#include "../include/t.h"
#include <sys/prctl.h>
#include <sys/wait.h>

int main(void) {
  int p[2], status;
  pipe(p);
  pid_t child = fork();
  if (child == 0) {
    pid_t me = getpid();
    if (fork() == 0) {
      while (getppid() == me) usleep(1000);
      write(p[1], "adopted", 7);
      _exit(0);
    }
    _exit(0);
  }
  waitpid(child, &status, 0);
  char b[20] = {0};
  T(read(p[0], b, 19));
  SAY("%s", b);
  // A program that is the first process is the new parent itself.
  while (waitpid(-1, &status, 0) > 0);
  T(prctl(PR_SET_CHILD_SUBREAPER, 1));
  child = fork();
  if (child == 0) {
    if (fork() == 0) { usleep(20000); _exit(66); }
    _exit(1);
  }
  waitpid(child, &status, 0);
  IS(wait(&status) > 0);
  T(WEXITSTATUS(status));
  return done();
}
