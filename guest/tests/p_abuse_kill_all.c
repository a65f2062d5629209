// kill(-1): all but the first process and the one that says so. In the first process's child, and in the first process.
//: linux-differs only the first process of a machine of its own should try
#include "../include/t.h"
#include <sys/wait.h>

static void make(int count) {
  for (int i = 0; i < count; i++)
    if (fork() == 0) for (;;) pause();
}

int main(void) {
  int status, killed = 0;
  make(5);
  pid_t child = fork();
  if (child == 0) {
    make(3);
    if (kill(-1, SIGKILL)) _exit(1);
    while (wait(&status) > 0) killed += WIFSIGNALED(status);
    _exit(killed == 3 ? 0 : 2);
  }
  IS(waitpid(child, &status, 0) == child && status == 0);
  while (wait(&status) > 0) killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  T(killed);
  make(4);
  T(kill(-1, SIGKILL));
  killed = 0;
  while (wait(&status) > 0) killed++;
  T(killed);
  T(kill(-1, SIGKILL));
  return done();
}
