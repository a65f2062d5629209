// A robust mutex tells the next owner that its holder died, and can be made consistent or lost for good.
#include "../include/t.h"
#include <pthread.h>

static pthread_mutex_t m;

static void *die_holding(void *unused) {
  pthread_mutex_lock(&m);
  return unused;
}

int main(void) {
  pthread_t t;
  pthread_mutexattr_t a;
  pthread_mutexattr_init(&a);
  pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&m, &a);
  pthread_create(&t, 0, die_holding, 0);
  pthread_join(t, 0);
  E(pthread_mutex_lock(&m));
  E(pthread_mutex_consistent(&m));
  E(pthread_mutex_unlock(&m));
  E(pthread_mutex_lock(&m));
  E(pthread_mutex_unlock(&m));
  pthread_create(&t, 0, die_holding, 0);
  pthread_join(t, 0);
  E(pthread_mutex_lock(&m));
  E(pthread_mutex_unlock(&m));
  E(pthread_mutex_lock(&m));
  return done();
}
