// A barrier releases all at once, one of them as the serial thread, round after round.
#include "../include/t.h"
#include <pthread.h>

static pthread_barrier_t b;
static int serial, phase[10], bad;

static void *work(void *arg) {
  long me = (long)arg;
  for (int round = 1; round <= 200; round++) {
    phase[me] = round;
    if (pthread_barrier_wait(&b) == PTHREAD_BARRIER_SERIAL_THREAD) __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 10; i++)
      if (__atomic_load_n(&phase[i], __ATOMIC_RELAXED) != round) __atomic_add_fetch(&bad, 1, __ATOMIC_RELAXED);
    pthread_barrier_wait(&b);
  }
  return 0;
}

int main(void) {
  pthread_t t[10];
  pthread_barrier_init(&b, 0, 10);
  for (long i = 0; i < 10; i++) pthread_create(&t[i], 0, work, (void *)i);
  for (int i = 0; i < 10; i++) pthread_join(t[i], 0);
  T(serial);
  T(bad);
  return done();
}
