// A program linked statically with musl runs.
//: link musl
#include "../include/t.h"
#include <pthread.h>

static void *add(void *n) { return (void *)((long)n + 1); }

int main(int argc, char **argv) {
  pthread_t t;
  void *r;
  (void)argv;
  T(argc);
  E(pthread_create(&t, 0, add, (void *)41));
  E(pthread_join(t, &r));
  T((long)r);
  char *p = malloc(1 << 20);
  memset(p, 1, 1 << 20);
  free(p);
  SAY("%.3f %s", 3.14159, getenv("HOME") ? "home" : "no home");
  return done();
}
