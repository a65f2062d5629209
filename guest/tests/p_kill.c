// kill reaches processes, groups and nobody, and checks permission and numbers.
//: root
#include "../include/t.h"
#include <sys/wait.h>

int main(void) {
  int status;
  T(kill(getpid(), 0));
  T(kill(getpid(), 65));
  T(kill(9999999, 0));
  pid_t leader = fork();
  if (leader == 0) {
    setpgid(0, 0);
    for (int i = 0; i < 3; i++) if (fork() == 0) for (;;) pause();
    for (;;) pause();
  }
  setpgid(leader, leader);
  usleep(50000);
  T(kill(-leader, SIGTERM));
  waitpid(leader, &status, 0);
  T(WTERMSIG(status));
  T(kill(-leader, 0) == 0 || errno == ESRCH);
  pid_t other = fork();
  if (other == 0) { for (;;) pause(); }
  pid_t weak = fork();
  if (weak == 0) {
    setresuid(1000, 1000, 1000);
    T(kill(other, SIGTERM));
    _exit(0);
  }
  waitpid(weak, &status, 0);
  T(kill(other, SIGKILL));
  waitpid(other, &status, 0);
  T(WTERMSIG(status));
  T(kill(other, 0));
  return done();
}
