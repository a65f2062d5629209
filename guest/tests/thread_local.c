// Thread-local variables are initialised per thread, aligned, and kept across blocking.
#include "../include/t.h"
#include <pthread.h>
#include <sched.h>

static __thread int counter = 42;
static __thread char zeroed[5000];
static __thread _Alignas(64) long aligned = 7;
static pthread_key_t key;
static int destroyed, one = 1;

static void destroy(void *value) { __atomic_add_fetch(&destroyed, *(int *)value, __ATOMIC_SEQ_CST); }

static void *work(void *arg) {
  int me = (int)(long)arg, bad = counter != 42 || aligned != 7 || ((uintptr_t)&aligned & 63) != 0;
  for (int i = 0; i < 5000; i++) bad += zeroed[i] != 0;
  pthread_setspecific(key, &one);
  for (int i = 0; i < 100; i++) {
    counter += me;
    zeroed[i] = (char)me;
    if (i % 10 == 0) usleep(100);
    sched_yield();
  }
  bad += counter != 42 + 100 * me;
  for (int i = 0; i < 100; i++) bad += zeroed[i] != (char)me;
  return (void *)(long)bad;
}

int main(void) {
  pthread_t t[10];
  pthread_key_create(&key, destroy);
  long bad = 0;
  for (long i = 0; i < 10; i++) pthread_create(&t[i], 0, work, (void *)i);
  for (int i = 0; i < 10; i++) {
    void *r;
    pthread_join(t[i], &r);
    bad += (long)r;
  }
  T(bad);
  T(counter);
  T(destroyed);
  return done();
}
