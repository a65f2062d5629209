// Blocking calls end with EINTR, or go on after the handler when SA_RESTART is set.
#include "../include/t.h"
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/wait.h>

static volatile int hits;
static int p[2];

static void hit(int n) { hits += n == SIGUSR1; }

static void *poke(void *main_thread) {
  until_asleep(getpid());
  pthread_kill((pthread_t)main_thread, SIGUSR1);
  // What comes later finds the call interrupted, or going on.
  while (!hits) usleep(1000);
  write(p[1], "late", 4);
  return 0;
}

static void with(int flags) {
  struct sigaction a = {.sa_handler = hit, .sa_flags = flags};
  pthread_t t;
  char b[10] = {0};
  sigaction(SIGUSR1, &a, 0);
  hits = 0;
  pthread_create(&t, 0, poke, (void *)pthread_self());
  T(read(p[0], b, 9));
  T(hits);
  pthread_join(t, 0);
  if (b[0] == 0) read(p[0], b, 9);
}

int main(void) {
  T(pipe(p));
  with(0);
  with(SA_RESTART);
  struct sigaction a = {.sa_handler = hit};
  sigaction(SIGUSR1, &a, 0);
  pthread_t t;
  struct timespec s = {1000, 0}, rest = {0};
  pthread_create(&t, 0, poke, (void *)pthread_self());
  T(nanosleep(&s, &rest));
  IS(rest.tv_sec > 0 && rest.tv_sec <= 1000);
  pthread_join(t, 0);
  char b[10];
  read(p[0], b, 9);
  pthread_create(&t, 0, poke, (void *)pthread_self());
  struct pollfd f = {-1, 0, 0};
  T(poll(&f, 1, -1));
  pthread_join(t, 0);
  read(p[0], b, 9);
  pthread_create(&t, 0, poke, (void *)pthread_self());
  T(pause());
  pthread_join(t, 0);
  return done();
}
