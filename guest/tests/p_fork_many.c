// Two hundred children, three deep, all waited for, none lost.
#include "../include/t.h"
#include <sys/wait.h>

int main(void) {
  int sum = 0, status, count = 0;
  for (int i = 0; i < 100; i++)
    if (fork() == 0) {
      if (i % 10 == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0) _exit(i + 1);
        waitpid(grandchild, &status, 0);
        _exit(WEXITSTATUS(status));
      }
      _exit(i + 1);
    }
  while (wait(&status) > 0) sum += WEXITSTATUS(status), count++;
  T(count);
  T(sum);
  T(errno == ECHILD);
  return done();
}
