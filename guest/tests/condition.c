// Condition variables: ping-pong, broadcast to many, and timeouts on both clocks.
#include "../include/t.h"
#include <pthread.h>

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static int turn, rounds, go, woken;

static void *ping(void *which) {
  int me = (int)(long)which;
  for (int i = 0; i < 3000; i++) {
    pthread_mutex_lock(&m);
    while (turn != me) pthread_cond_wait(&c, &m);
    turn = !me;
    rounds++;
    pthread_cond_signal(&c);
    pthread_mutex_unlock(&m);
  }
  return 0;
}

static void *waiter(void *unused) {
  pthread_mutex_lock(&m);
  while (!go) pthread_cond_wait(&c, &m);
  woken++;
  pthread_mutex_unlock(&m);
  return unused;
}

static int timed(pthread_cond_t *cond, clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  t.tv_nsec += 30000000;
  if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
  long long before = now_ns(CLOCK_MONOTONIC);
  pthread_mutex_lock(&m);
  int r = pthread_cond_timedwait(cond, &m, &t);
  pthread_mutex_unlock(&m);
  IS(now_ns(CLOCK_MONOTONIC) - before >= 29000000);
  return r;
}

int main(void) {
  pthread_t t[30];
  for (long i = 0; i < 2; i++) pthread_create(&t[i], 0, ping, (void *)i);
  for (int i = 0; i < 2; i++) pthread_join(t[i], 0);
  T(rounds);
  for (int i = 0; i < 30; i++) pthread_create(&t[i], 0, waiter, 0);
  usleep(20000);
  pthread_mutex_lock(&m);
  go = 1;
  pthread_cond_broadcast(&c);
  pthread_mutex_unlock(&m);
  for (int i = 0; i < 30; i++) pthread_join(t[i], 0);
  T(woken);
  E(timed(&c, CLOCK_REALTIME));
  pthread_condattr_t a;
  pthread_condattr_init(&a);
  pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
  pthread_cond_t monotonic;
  pthread_cond_init(&monotonic, &a);
  E(timed(&monotonic, CLOCK_MONOTONIC));
  return done();
}
