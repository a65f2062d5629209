// clone and clone3 refuse combinations that Linux refuses.
#include "../include/t.h"
#include <linux/sched.h>
#include <sched.h>

int main(void) {
  T(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0));
  T(syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND, 0, 0, 0, 0));
  T(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0));
  T(syscall(SYS_clone, CLONE_FS | CLONE_NEWNS, 0, 0, 0, 0));
  struct clone_args a = {.flags = CLONE_THREAD};
  T(syscall(SYS_clone3, &a, sizeof a));
  a = (struct clone_args){.flags = 0, .exit_signal = 1000};
  T(syscall(SYS_clone3, &a, sizeof a));
  a = (struct clone_args){.stack = 4096, .stack_size = 0, .exit_signal = 17};
  T(syscall(SYS_clone3, &a, sizeof a));
  a = (struct clone_args){.stack = 0, .stack_size = 4096, .exit_signal = 17};
  T(syscall(SYS_clone3, &a, sizeof a));
  T(syscall(SYS_clone3, &a, 8));
  T(syscall(SYS_clone3, (void *)8, sizeof a));
  T(syscall(SYS_clone3, &a, 100000));
  return done();
}
