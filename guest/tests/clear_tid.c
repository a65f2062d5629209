// set_tid_address returns the thread's id; a thread's end clears its word and wakes who waits there; robust lists are kept.
#include "../include/t.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>

static int word = 1;
static char stack[65536];

static int child(void *unused) {
  (void)unused;
  syscall(SYS_set_tid_address, &word);
  usleep(20000);
  syscall(SYS_exit, 0);
  return 0;
}

int main(void) {
  IS(syscall(SYS_set_tid_address, &word) == getpid());
  int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
  OK(clone(child, stack + sizeof stack, flags, 0));
  while (__atomic_load_n(&word, __ATOMIC_SEQ_CST)) syscall(SYS_futex, &word, FUTEX_WAIT, 1, 0, 0, 0);
  T(word);
  void *head = 0;
  size_t len = 0;
  T(syscall(SYS_get_robust_list, 0, &head, &len));
  T(len);
  T(syscall(SYS_set_robust_list, &head, 5));
  T(syscall(SYS_get_robust_list, 9999999, &head, &len));
  return done();
}
