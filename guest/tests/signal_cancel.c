// pthread_cancel: in a read, in a sleep, in a loop that only asynchronous cancellation leaves; clean-up handlers run.
#include "../include/t.h"
#include <pthread.h>

static int p[2];
static volatile int cleaned, ready;

static void clean(void *what) {
  cleaned += (int)(long)what;
}

static void *reads(void *unused) {
  char byte;
  pthread_cleanup_push(clean, (void *)1);
  ready = 1;
  if (read(p[0], &byte, 1) == 1) cleaned = 1000;
  pthread_cleanup_pop(0);
  return unused;
}

static void *sleeps(void *unused) {
  pthread_cleanup_push(clean, (void *)10);
  ready = 1;
  sleep(100);
  pthread_cleanup_pop(0);
  return unused;
}

static void *spins(void *unused) {
  pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, 0);
  pthread_cleanup_push(clean, (void *)100);
  ready = 1;
  for (;;);
  pthread_cleanup_pop(0);
  return unused;
}

static void *refuses(void *unused) {
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, 0);
  ready = 1;
  usleep(50000);
  return (char *)unused + 7;
}

int main(void) {
  void *(*kinds[])(void *) = {reads, sleeps, spins, refuses};
  if (pipe(p)) return 1;
  for (int round = 0; round < 3; round++)
    for (int i = 0; i < 4; i++) {
      pthread_t t;
      void *result;
      ready = cleaned = 0;
      pthread_create(&t, 0, kinds[i], 0);
      while (!ready) usleep(1000);
      usleep(5000);
      int error = pthread_cancel(t);
      pthread_join(t, &result);
      SAY("%d: %d %s %d", i, error, result == PTHREAD_CANCELED ? "cancelled" : result == (void *)7 ? "finished" : "other", cleaned);
    }
  return done();
}
