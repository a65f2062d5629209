// Read-write locks: many readers or one writer.
#include "../include/t.h"
#include <pthread.h>

static pthread_rwlock_t l = PTHREAD_RWLOCK_INITIALIZER;
static int a, b, bad;

static void *reader(void *unused) {
  for (int i = 0; i < 3000; i++) {
    pthread_rwlock_rdlock(&l);
    if (a != b) __atomic_add_fetch(&bad, 1, __ATOMIC_RELAXED);
    pthread_rwlock_unlock(&l);
  }
  return unused;
}

static void *writer(void *unused) {
  for (int i = 0; i < 3000; i++) {
    pthread_rwlock_wrlock(&l);
    a++;
    b++;
    pthread_rwlock_unlock(&l);
  }
  return unused;
}

int main(void) {
  pthread_t t[6];
  for (int i = 0; i < 6; i++) pthread_create(&t[i], 0, i < 4 ? reader : writer, 0);
  for (int i = 0; i < 6; i++) pthread_join(t[i], 0);
  T(a);
  T(b);
  T(bad);
  E(pthread_rwlock_rdlock(&l));
  E(pthread_rwlock_tryrdlock(&l));
  E(pthread_rwlock_trywrlock(&l));
  return done();
}
