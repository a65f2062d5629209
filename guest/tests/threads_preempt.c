// Threads that never call the kernel share one CPU fairly.
//: cpus 1
#include "../include/t.h"
#include <pthread.h>
#include <sched.h>

static volatile long counts[3];
static volatile int stop;

static void *spin(void *arg) {
  while (!stop) counts[(long)arg]++;
  return 0;
}

static int is_fair(void) {
  long least = counts[0], most = counts[0];
  for (int i = 1; i < 3; i++) {
    if (counts[i] < least) least = counts[i];
    if (counts[i] > most) most = counts[i];
  }
  return least > 0 && most / (least + 1) < 20;
}

int main(void) {
  pthread_t t[3];
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  T(sched_setaffinity(0, sizeof one, &one));
  for (long i = 0; i < 3; i++) pthread_create(&t[i], 0, spin, (void *)i);
  // Where the machine has much else to do it takes longer.
  do usleep(900000);
  while (!is_fair());
  stop = 1;
  for (int i = 0; i < 3; i++) pthread_join(t[i], 0);
  return done();
}
