// Mutexes exclude: plain, recursive, error-checking, with timeout; no increment is lost among eight threads.
#include "../include/t.h"
#include <pthread.h>

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static long counter;

static void *work(void *unused) {
  for (int i = 0; i < 20000; i++) {
    pthread_mutex_lock(&m);
    counter++;
    pthread_mutex_unlock(&m);
  }
  return unused;
}

static void *try(void *which) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  t.tv_nsec += 20000000;
  if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
  E(pthread_mutex_trylock(which));
  E(pthread_mutex_timedlock(which, &t));
  return 0;
}

int main(void) {
  pthread_t t[8];
  for (int i = 0; i < 8; i++) pthread_create(&t[i], 0, work, 0);
  for (int i = 0; i < 8; i++) pthread_join(t[i], 0);
  T(counter);
  pthread_mutex_lock(&m);
  pthread_create(&t[0], 0, try, &m);
  pthread_join(t[0], 0);
  pthread_mutex_unlock(&m);
  pthread_mutexattr_t a;
  pthread_mutexattr_init(&a);
  pthread_mutex_t r, e;
  pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&r, &a);
  E(pthread_mutex_lock(&r));
  E(pthread_mutex_lock(&r));
  E(pthread_mutex_unlock(&r));
  E(pthread_mutex_unlock(&r));
  E(pthread_mutex_unlock(&r));
  pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_init(&e, &a);
  E(pthread_mutex_lock(&e));
  E(pthread_mutex_lock(&e));
  E(pthread_mutex_unlock(&e));
  return done();
}
