// A signal to the process goes to a thread that lets it through, also when the one that it was meant for blocks it or ends.
#include "../include/t.h"
#include <pthread.h>

static volatile int hits, who, ready, leave;

static void hit(int n) {
  (void)n;
  who = gettid();
  __atomic_add_fetch(&hits, 1, __ATOMIC_SEQ_CST);
}

static void *opens(void *unused) {
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, 0);
  ready = gettid();
  while (!leave) usleep(1000);
  return unused;
}

static void *spins(void *unused) {
  ready = 1;
  while (!leave);
  return unused;
}

static void wait_for(int count) {
  for (int i = 0; i < 3000 && hits < count; i++) usleep(1000);
}

int main(void) {
  sigset_t block, old;
  pthread_t t;
  signal(SIGUSR1, hit);
  sigemptyset(&block), sigaddset(&block, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &block, &old);
  // Pending for the process until a thread opens.
  T(kill(getpid(), SIGUSR1));
  T(hits);
  pthread_create(&t, 0, opens, 0);
  wait_for(1);
  T(hits);
  while (!ready) usleep(1000);
  IS(who == ready);
  T(kill(getpid(), SIGUSR1));
  wait_for(2);
  T(hits);
  IS(who == ready);
  // To a thread that blocks it: stays there.
  T(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1));
  usleep(20000);
  T(hits);
  leave = 1;
  pthread_join(t, 0);
  T(hits);
  T(pthread_sigmask(SIG_SETMASK, &old, 0));
  T(hits);
  IS(who == getpid());
  // A thread that only computes is interrupted too.
  leave = ready = 0;
  pthread_create(&t, 0, spins, 0);
  while (!ready) usleep(1000);
  pthread_sigmask(SIG_BLOCK, &block, 0);
  T(pthread_kill(t, SIGUSR1));
  wait_for(4);
  T(hits);
  T(kill(getpid(), SIGUSR1));
  wait_for(5);
  T(hits);
  IS(who != getpid());
  leave = 1;
  pthread_join(t, 0);
  return done();
}
