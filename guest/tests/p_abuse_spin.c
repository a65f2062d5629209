// Processes that hold back all signals and compute for ever end by SIGKILL, stop by SIGSTOP, and leave time for others.
#include "../include/t.h"
#include <sys/wait.h>

static volatile unsigned long sum;

int main(void) {
  pid_t children[8];
  int status, ends[2];
  char c;
  pipe(ends);
  for (int i = 0; i < 8; i++) {
    children[i] = fork();
    if (children[i] == 0) {
      sigset_t all;
      sigfillset(&all);
      sigprocmask(SIG_BLOCK, &all, NULL);
      close(ends[0]);
      close(ends[1]);
      for (;;) sum++;
    }
  }
  // Until all hold their signals back.
  close(ends[1]);
  T(read(ends[0], &c, 1));
  for (int i = 0; i < 8; i++) {
    kill(children[i], SIGTERM);
    kill(children[i], SIGINT);
    kill(children[i], SIGHUP);
  }
  usleep(50000);
  T(waitpid(-1, &status, WNOHANG));
  kill(children[0], SIGSTOP);
  IS(waitpid(children[0], &status, WUNTRACED) == children[0] && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
  for (int i = 0; i < 8; i++) kill(children[i], SIGKILL);
  int killed = 0;
  while (wait(&status) > 0) killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  T(killed);
  return done();
}
