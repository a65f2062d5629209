// Priority-inheriting mutexes work where the futex calls for them do.
#include "../include/t.h"
#include <pthread.h>

static pthread_mutex_t m;
static long counter;

static void *work(void *unused) {
  for (int i = 0; i < 2000; i++) {
    pthread_mutex_lock(&m);
    counter++;
    pthread_mutex_unlock(&m);
  }
  return unused;
}

int main(void) {
  pthread_mutexattr_t a;
  pthread_t t[4];
  pthread_mutexattr_init(&a);
  E(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT));
  E(pthread_mutex_init(&m, &a));
  for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, work, 0);
  for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
  T(counter);
  return done();
}
