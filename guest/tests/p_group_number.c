// A group outlives the process whose number it has, and nobody else gets that number meanwhile.
//: root
#include "../include/t.h"
#include <linux/sched.h>
#include <sched.h>
#include <sys/wait.h>

static long make(pid_t number) {
  struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&number, .set_tid_size = 1};
  fflush(stdout);
  long child = syscall(SYS_clone3, &args, sizeof args);
  if (child == 0) _exit(0);
  return child;
}

int main(void) {
  pid_t leader = fork();
  if (leader == 0) pause();
  setpgid(leader, leader);
  pid_t member = fork();
  if (member == 0) pause();
  setpgid(member, leader);
  kill(leader, SIGKILL);
  waitpid(leader, 0, 0);
  IS(getpgid(member) == leader);
  T(make(leader));
  T(kill(-leader, SIGKILL));
  waitpid(member, 0, 0);
  IS(make(leader) == leader);
  waitpid(leader, 0, 0);
  return done();
}
