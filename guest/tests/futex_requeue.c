// Requeue moves waiters to another word; the comparing form refuses a changed value; wake-op does both.
#include "../include/t.h"
#include <linux/futex.h>
#include <pthread.h>

static uint32_t a, b;
static int started, sleeping;
static pid_t tids[6];

static long futex(void *at, int op, uint32_t value, long value2, void *at2, uint32_t value3) {
  return syscall(SYS_futex, at, op, value, value2, at2, value3);
}

static void *waiter(void *unused) {
  tids[__atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST)] = gettid();
  __atomic_add_fetch(&sleeping, 1, __ATOMIC_SEQ_CST);
  futex(&a, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
  return unused;
}

int main(void) {
  pthread_t t[6];
  for (int i = 0; i < 6; i++) pthread_create(&t[i], 0, waiter, 0);
  while (__atomic_load_n(&sleeping, __ATOMIC_SEQ_CST) < 6) usleep(1000);
  for (int i = 0; i < 6; i++) until_asleep(tids[i]);
  T(futex(&a, FUTEX_CMP_REQUEUE_PRIVATE, 1, 2, &b, 5));
  T(futex(&a, FUTEX_CMP_REQUEUE_PRIVATE, 1, 2, &b, 0));
  T(futex(&b, FUTEX_WAKE_PRIVATE, 10, 0, 0, 0));
  T(futex(&a, FUTEX_REQUEUE_PRIVATE, 0, 1, &b, 0));
  T(futex(&a, FUTEX_CMP_REQUEUE_PRIVATE, -1, 1, &b, 0));
  b = 3;
  T(futex(&a, FUTEX_WAKE_OP_PRIVATE, 1, 10, &b, FUTEX_OP(FUTEX_OP_ADD, 4, FUTEX_OP_CMP_EQ, 3)));
  T(b);
  T(futex(&a, FUTEX_WAKE_PRIVATE, 10, 0, 0, 0));
  T(futex(&b, FUTEX_WAKE_PRIVATE, 10, 0, 0, 0));
  for (int i = 0; i < 6; i++) pthread_join(t[i], 0);
  return done();
}
