// Default actions: which signals end a child, and which are ignored.
#include "../include/t.h"
#include <sys/wait.h>

int main(void) {
  for (int s = 1; s < 32; s++) {
    if (s == SIGSTOP || s == SIGTSTP || s == SIGTTIN || s == SIGTTOU) continue;
    int status;
    pid_t child = fork();
    if (child == 0) {
      raise(s);
      _exit(1);
    }
    waitpid(child, &status, 0);
    SAY("%d: %s %d", s, WIFSIGNALED(status) ? "ended by" : "exited", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  }
  return done();
}
