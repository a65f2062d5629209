// exit() in any thread ends the program with its code, whatever the others do.
#include "../include/t.h"
#include <pthread.h>

static void *forever(void *unused) {
  for (;;) pause();
  return unused;
}

static void *spinner(void *unused) {
  for (volatile long i = 0;; i++);
  return unused;
}

static void *end(void *unused) {
  usleep(20000);
  SAY("leaving");
  exit(23);
  return unused;
}

int main(void) {
  pthread_t t;
  pthread_create(&t, 0, forever, 0);
  pthread_create(&t, 0, spinner, 0);
  pthread_create(&t, 0, end, 0);
  for (;;) sleep(100);
}
