// Wake by bit mask wakes only waiters whose mask shares a bit.
#include "../include/t.h"
#include <linux/futex.h>
#include <pthread.h>

static uint32_t word;
static pid_t tids[3];
static int sleeping, woken[3];

static long futex(void *at, int op, uint32_t value, uint32_t value3) { return syscall(SYS_futex, at, op, value, 0, 0, value3); }

static void *waiter(void *arg) {
  long n = (long)arg;
  tids[n] = gettid();
  __atomic_add_fetch(&sleeping, 1, __ATOMIC_SEQ_CST);
  futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, 1u << n);
  __atomic_store_n(&woken[n], 1, __ATOMIC_SEQ_CST);
  return 0;
}

// Those that were woken have said so soon, and no other.
static void state(int expected) {
  while (__atomic_load_n(&woken[0], __ATOMIC_SEQ_CST) + __atomic_load_n(&woken[1], __ATOMIC_SEQ_CST) + __atomic_load_n(&woken[2], __ATOMIC_SEQ_CST) < expected) usleep(1000);
  usleep(20000);
  SAY("woken: %d %d %d", woken[0], woken[1], woken[2]);
}

int main(void) {
  pthread_t t[3];
  for (long i = 0; i < 3; i++) pthread_create(&t[i], 0, waiter, (void *)i);
  while (__atomic_load_n(&sleeping, __ATOMIC_SEQ_CST) < 3) usleep(1000);
  for (int i = 0; i < 3; i++) until_asleep(tids[i]);
  T(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, 8));
  state(0);
  T(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, 2));
  state(1);
  T(futex(&word, FUTEX_WAKE_PRIVATE, 10, 0));
  for (int i = 0; i < 3; i++) pthread_join(t[i], 0);
  state(3);
  return done();
}
