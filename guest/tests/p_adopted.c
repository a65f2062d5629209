// Processes whose parent has ended are not the children of whoever runs the test: they are not waited for, and go when they end.
#include "../include/t.h"
#include <sys/wait.h>

static volatile int told;
static void count(int n) { (void)n; told++; }

int main(void) {
  int ends[2], gate[2], status;
  pid_t orphan;
  pipe(ends);
  pipe(gate);
  signal(SIGCHLD, count);
  pid_t child = fork();
  if (child == 0) {
    orphan = fork();
    if (orphan == 0) {
      char c;
      close(gate[1]);
      // Until the test lets go.
      while (read(gate[0], &c, 1) > 0) {}
      _exit(3);
    }
    if (write(ends[1], &orphan, sizeof orphan) != sizeof orphan) _exit(1);
    _exit(0);
  }
  close(gate[0]);
  close(ends[1]);
  T(read(ends[0], &orphan, sizeof orphan));
  IS(waitpid(child, &status, 0) == child && status == 0);
  T(waitpid(-1, &status, WNOHANG));
  T(waitpid(orphan, &status, 0));
  IS(kill(orphan, 0) == 0);
  IS(told == 1);
  close(gate[1]);
  // It goes without anybody's doing.
  while (kill(orphan, 0) == 0) usleep(1000);
  IS(errno == ESRCH);
  IS(told == 1);
  return done();
}
