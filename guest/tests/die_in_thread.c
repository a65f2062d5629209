// A fault in one thread ends the whole program.
#include "../include/t.h"
#include <pthread.h>

static void *fault(void *unused) {
  usleep(20000);
  *(volatile int *)16 = 1;
  return unused;
}

int main(void) {
  pthread_t t;
  SAY("before");
  pthread_create(&t, 0, fault, 0);
  for (;;) pause();
}
