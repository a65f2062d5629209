// Threads start, share memory, return values, are detached, and have their own ids.
#include "../include/t.h"
#include <pthread.h>

static int shared;
static pid_t tids[8];

static void *one(void *arg) {
  long n = (long)arg;
  tids[n] = (pid_t)syscall(SYS_gettid);
  __atomic_add_fetch(&shared, 1, __ATOMIC_SEQ_CST);
  return (void *)(n * n);
}

static void *detached(void *arg) {
  __atomic_store_n((int *)arg, 1, __ATOMIC_SEQ_CST);
  return 0;
}

int main(void) {
  pthread_t t[8];
  long sum = 0;
  for (long i = 0; i < 8; i++) pthread_create(&t[i], 0, one, (void *)i);
  for (int i = 0; i < 8; i++) {
    void *r;
    pthread_join(t[i], &r);
    sum += (long)r;
  }
  T(sum);
  T(shared);
  bool different = true;
  for (int i = 0; i < 8; i++)
    for (int j = 0; j < i; j++) different &= tids[i] != tids[j];
  IS(different);
  IS(getpid() == syscall(SYS_gettid));
  int flag = 0;
  pthread_attr_t a;
  pthread_attr_init(&a);
  pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&a, 65536);
  E(pthread_create(&t[0], &a, detached, &flag));
  while (!__atomic_load_n(&flag, __ATOMIC_SEQ_CST)) usleep(1000);
  E(pthread_join(pthread_self(), 0));
  return done();
}
