// A shared futex is found by what lies behind the address: two mappings of one file are one futex.
#include "../include/t.h"
#include <linux/futex.h>
#include <pthread.h>

static uint32_t *one, *two;
static pid_t sleeping;

static void *waiter(void *unused) {
  __atomic_store_n(&sleeping, gettid(), __ATOMIC_SEQ_CST);
  syscall(SYS_futex, one, FUTEX_WAIT, 0, 0, 0, 0);
  return unused;
}

int main(void) {
  pthread_t t;
  int fd = open("f", O_RDWR | O_CREAT, 0644);
  T(ftruncate(fd, 4096));
  one = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  two = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  IS(one != two);
  pthread_create(&t, 0, waiter, 0);
  while (!__atomic_load_n(&sleeping, __ATOMIC_SEQ_CST)) usleep(1000);
  until_asleep(sleeping);
  T(syscall(SYS_futex, two, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
  T(syscall(SYS_futex, two, FUTEX_WAKE, 1, 0, 0, 0));
  pthread_join(t, 0);
  return done();
}
