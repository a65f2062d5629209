// A hundred sleepers with different times wake in the order of their times.
#include "../include/t.h"
#include <pthread.h>

static int order[20], next;

static void *sleeper(void *arg) {
  long n = (long)arg;
  struct timespec t = {0, 0};
  t.tv_nsec = (n + 1) * 40000000;
  nanosleep(&t, 0);
  order[__atomic_fetch_add(&next, 1, __ATOMIC_SEQ_CST)] = (int)n;
  return 0;
}

int main(void) {
  pthread_t t[20];
  for (long i = 19; i >= 0; i--) pthread_create(&t[i], 0, sleeper, (void *)i);
  for (int i = 0; i < 20; i++) pthread_join(t[i], 0);
  bool sorted = true;
  for (int i = 0; i < 20; i++) sorted &= order[i] == i;
  IS(sorted);
  return done();
}
