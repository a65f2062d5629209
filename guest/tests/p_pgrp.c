// Process groups and sessions: inheriting, changing, and what is refused.
#include "../include/t.h"
#include <sys/wait.h>

int main(void) {
  int status;
  IS(getpgid(0) == getpgrp());
  pid_t child = fork();
  if (child == 0) {
    IS(getpgrp() == getpgid(getppid()));
    T(setpgid(0, 0));
    IS(getpgrp() == getpid());
    T(setsid());
    pid_t grandchild = fork();
    if (grandchild == 0) {
      IS(setsid() == getpid());
      IS(getsid(0) == getpid() && getpgrp() == getpid());
      T(setpgid(0, 0));
      T(open("/dev/tty", O_RDWR));
      _exit(t_failed);
    }
    waitpid(grandchild, &status, 0);
    T(status);
    T(setpgid(0, 9999999));
    T(setpgid(9999999, 0));
    T(getsid(9999999));
    T(setpgid(0, -1));
    _exit(0);
  }
  waitpid(child, &status, 0);
  T(status);
  return done();
}
