// Semaphores count, block, time out, and pass tokens between threads.
#include "../include/t.h"
#include <pthread.h>
#include <semaphore.h>

static sem_t empty, full;
static int slot;

static void *produce(void *unused) {
  for (int i = 1; i <= 2000; i++) {
    sem_wait(&empty);
    slot = i;
    sem_post(&full);
  }
  return unused;
}

int main(void) {
  pthread_t t;
  sem_init(&empty, 0, 1);
  sem_init(&full, 0, 0);
  pthread_create(&t, 0, produce, 0);
  long sum = 0;
  for (int i = 0; i < 2000; i++) {
    sem_wait(&full);
    sum += slot;
    sem_post(&empty);
  }
  pthread_join(t, 0);
  T(sum);
  T(sem_trywait(&full));
  struct timespec w;
  clock_gettime(CLOCK_REALTIME, &w);
  w.tv_nsec += 10000000;
  if (w.tv_nsec >= 1000000000) w.tv_sec++, w.tv_nsec -= 1000000000;
  T(sem_timedwait(&full, &w));
  int v;
  T(sem_getvalue(&empty, &v));
  T(v);
  return done();
}
