// Ten sleepers with different times wake in the order of their times.
#include "../include/t.h"
#include <pthread.h>

static int order[10], next;

static void *sleeper(void *arg) {
  long n = (long)arg;
  struct timespec t = {0, 0};
  t.tv_nsec = n * 200000000 % 1000000000, t.tv_sec = n / 5;
  nanosleep(&t, 0);
  order[__atomic_fetch_add(&next, 1, __ATOMIC_SEQ_CST)] = (int)n;
  return 0;
}

int main(void) {
  pthread_t t[10];
  for (long i = 9; i >= 0; i--) pthread_create(&t[i], 0, sleeper, (void *)i);
  for (int i = 0; i < 10; i++) pthread_join(t[i], 0);
  bool sorted = true;
  for (int i = 0; i < 10; i++) sorted &= order[i] == i;
  IS(sorted);
  return done();
}
