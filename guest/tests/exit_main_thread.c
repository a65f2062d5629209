// The main thread may leave by pthread_exit; the program goes on until its last thread ends, with code zero.
#include "../include/t.h"
#include <pthread.h>

static void *later(void *unused) {
  usleep(30000);
  SAY("still running");
  return unused;
}

int main(void) {
  pthread_t t;
  pthread_create(&t, 0, later, 0);
  pthread_exit((void *)5);
}
