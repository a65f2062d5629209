// Ten sleepers with different times all wake, none before its time.
#include "../include/t.h"
#include <pthread.h>

static int woken, early;
static long long began;

static void *sleeper(void *arg) {
  long long end = began + (long)arg * 200000000LL;
  struct timespec t = {end / 1000000000, end % 1000000000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, 0);
  if (now_ns(CLOCK_MONOTONIC) < end) __atomic_add_fetch(&early, 1, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
  return 0;
}

int main(void) {
  pthread_t t[10];
  began = now_ns(CLOCK_MONOTONIC);
  for (long i = 9; i >= 0; i--) pthread_create(&t[i], 0, sleeper, (void *)i);
  // The longest sleep is in no other's way.
  for (int i = 0; i < 9; i++) pthread_join(t[i], 0);
  IS(now_ns(CLOCK_MONOTONIC) - began >= 1600000000LL);
  pthread_join(t[9], 0);
  T(woken);
  T(early);
  return done();
}
