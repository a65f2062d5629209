// Ten thousand children that have ended and were not waited for.
//: linux-differs as long as a machine of its own is not at hand
//: timeout 100
#include "../include/t.h"
#include <sys/wait.h>

int main(void) {
  int made = 0, right = 0, status;
  pid_t child;
  siginfo_t info;
  for (; made < 10000 && (child = fork()) >= 0; made++) {
    if (child == 0) _exit(made & 127);
    // All but the last few have ended.
    if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT)) break;
  }
  T(made);
  IS(kill(child, 0) == 0);
  for (int i = 0; i < made && wait(&status) > 0; i++) right += WIFEXITED(status) && WEXITSTATUS(status) == (i & 127);
  T(right);
  T(waitpid(-1, &status, WNOHANG));
  IS(kill(child, 0) == -1 && errno == ESRCH);
  child = fork();
  if (child == 0) _exit(5);
  waitpid(child, &status, 0);
  T(status);
  return done();
}
