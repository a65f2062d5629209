// A thousand threads one after another and two hundred at once; each ends cleanly.
#include "../include/t.h"
#include <pthread.h>

static pthread_barrier_t all;
static int count;

static void *brief(void *arg) { return arg; }

static void *together(void *arg) {
  pthread_barrier_wait(&all);
  __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
  return arg;
}

int main(void) {
  pthread_t t[200];
  pthread_attr_t a;
  pthread_attr_init(&a);
  pthread_attr_setstacksize(&a, 32768);
  int bad = 0;
  for (int i = 0; i < 1000; i++) bad += pthread_create(&t[0], &a, brief, 0) || pthread_join(t[0], 0);
  IS(bad == 0);
  pthread_barrier_init(&all, 0, 200);
  for (int i = 0; i < 200; i++) bad += pthread_create(&t[i], &a, together, 0);
  for (int i = 0; i < 200; i++) bad += pthread_join(t[i], 0);
  IS(bad == 0);
  T(count);
  return done();
}
