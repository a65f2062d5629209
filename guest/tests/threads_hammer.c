// 64 threads on 4 CPUs hammer mutexes and condition variables; nothing is lost and nobody starves.
//: cpus 4
//: timeout 60
#include "../include/t.h"
#include <pthread.h>

#define THREADS 64
#define SECONDS 3
static pthread_mutex_t locks[8];
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t turn_lock = PTHREAD_MUTEX_INITIALIZER;
static long counters[8], local[THREADS], waits;
static volatile int stop, ticket;

static void *work(void *arg) {
  long me = (long)arg, seed = me * 7919 + 1;
  while (!stop) {
    for (int i = 0; i < 50; i++) {
      seed = seed * 6364136223846793005 + 1442695040888963407;
      int which = (unsigned long)seed >> 61;
      pthread_mutex_lock(&locks[which]);
      counters[which]++;
      pthread_mutex_unlock(&locks[which]);
      local[me]++;
    }
    pthread_mutex_lock(&turn_lock);
    int mine = ticket;
    if (me % 2) {
      while (ticket == mine && !stop) pthread_cond_wait(&turn, &turn_lock);
    } else {
      ticket++;
      pthread_cond_broadcast(&turn);
    }
    waits++;
    pthread_mutex_unlock(&turn_lock);
  }
  pthread_cond_broadcast(&turn);
  return 0;
}

int main(void) {
  pthread_t t[THREADS];
  for (int i = 0; i < 8; i++) pthread_mutex_init(&locks[i], 0);
  for (long i = 0; i < THREADS; i++) pthread_create(&t[i], 0, work, (void *)i);
  sleep(SECONDS);
  pthread_mutex_lock(&turn_lock);
  stop = 1;
  pthread_cond_broadcast(&turn);
  pthread_mutex_unlock(&turn_lock);
  long sum = 0, all = 0, idle = 0;
  for (int i = 0; i < THREADS; i++) {
    pthread_join(t[i], 0);
    all += local[i];
    idle += local[i] == 0;
  }
  for (int i = 0; i < 8; i++) sum += counters[i];
  IS(sum == all && sum > 0);
  IS(idle == 0);
  IS(waits > 0);
  return done();
}
