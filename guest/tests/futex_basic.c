// The futex call itself: wait with the wrong value, timeouts of both kinds, wake counts, bad arguments.
#include "../include/t.h"
#include <linux/futex.h>
#include <pthread.h>

static uint32_t word;
static int started, sleeping;
static pid_t tids[5];

static long futex(void *at, int op, uint32_t value, void *timeout, void *at2, uint32_t value3) {
  return syscall(SYS_futex, at, op, value, timeout, at2, value3);
}

static void *waiter(void *op) {
  tids[__atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST)] = gettid();
  __atomic_add_fetch(&sleeping, 1, __ATOMIC_SEQ_CST);
  return (void *)futex(&word, (int)(long)op, 0, 0, 0, FUTEX_BITSET_MATCH_ANY);
}

static void start(pthread_t *t, int n, long op) {
  started = sleeping = 0;
  for (int i = 0; i < n; i++) pthread_create(&t[i], 0, waiter, (void *)op);
  while (__atomic_load_n(&sleeping, __ATOMIC_SEQ_CST) < n) usleep(1000);
  for (int i = 0; i < n; i++) until_asleep(tids[i]);
}

int main(void) {
  struct timespec t = {0, 20000000};
  pthread_t threads[5];
  T(futex(&word, FUTEX_WAIT, 1, 0, 0, 0));
  long long before = now_ns(CLOCK_MONOTONIC);
  T(futex(&word, FUTEX_WAIT, 0, &t, 0, 0));
  IS(now_ns(CLOCK_MONOTONIC) - before >= 20000000);
  T(futex(&word, FUTEX_WAIT_PRIVATE, 0, &t, 0, 0));
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_nsec += 20000000;
  if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
  T(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &t, 0, 1));
  T(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &t, 0, 1));
  clock_gettime(CLOCK_REALTIME, &t);
  T(futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &t, 0, 1));
  T(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, 0, 0, 0));
  T(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, 0, 0, 0));
  t = (struct timespec){0, 1000000000};
  T(futex(&word, FUTEX_WAIT, 0, &t, 0, 0));
  t = (struct timespec){-1, 0};
  T(futex(&word, FUTEX_WAIT, 0, &t, 0, 0));
  T(futex((char *)&word + 1, FUTEX_WAIT, 0, 0, 0, 0));
  T(futex((char *)&word + 2, FUTEX_WAKE, 1, 0, 0, 0));
  T(futex((void *)8, FUTEX_WAIT, 0, 0, 0, 0));
  T(futex((void *)8, FUTEX_WAKE, 1, 0, 0, 0));
  T(futex((void *)8, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0));
  T(futex(&word, FUTEX_WAIT, 0, (void *)8, 0, 0));
  T(futex(&word, 77, 0, 0, 0, 0));
  T(futex(&word, FUTEX_WAKE, 1, 0, 0, 0));
  start(threads, 5, FUTEX_WAIT_PRIVATE);
  T(futex(&word, FUTEX_WAKE_PRIVATE, 2, 0, 0, 0));
  T(futex(&word, FUTEX_WAKE_PRIVATE, 100, 0, 0, 0));
  T(futex(&word, FUTEX_WAKE_PRIVATE, 100, 0, 0, 0));
  for (int i = 0; i < 5; i++) pthread_join(threads[i], 0);
  start(threads, 3, FUTEX_WAIT);
  T(futex(&word, FUTEX_WAKE, INT_MAX, 0, 0, 0));
  for (int i = 0; i < 3; i++) pthread_join(threads[i], 0);
  return done();
}
