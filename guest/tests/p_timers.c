// Interval timers and POSIX timers fire, repeat, tell what is left, and stop.
#include "../include/t.h"
#include <sys/time.h>

static volatile int alarms, queued, overruns = -1;

static void alarmed(int n) { alarms += n == SIGALRM; }

static void timed(int n, siginfo_t *i, void *c) {
  (void)n, (void)c;
  queued += i->si_code == SI_TIMER && i->si_value.sival_int == 77;
  overruns = 0;
}

int main(void) {
  struct itimerval v = {{0, 5000}, {0, 10000}}, left;
  signal(SIGALRM, alarmed);
  T(setitimer(ITIMER_REAL, &v, 0));
  while (alarms < 5) pause();
  T(getitimer(ITIMER_REAL, &left));
  IS(left.it_interval.tv_usec == 5000);
  v = (struct itimerval){{0, 0}, {0, 0}};
  T(setitimer(ITIMER_REAL, &v, &left));
  alarms = 0;
  usleep(30000);
  T(alarms);
  T(alarm(10));
  T(alarm(0));
  timer_t id;
  struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
  struct sigaction a = {.sa_sigaction = timed, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &a, 0);
  T(timer_create(CLOCK_MONOTONIC, &e, &id));
  struct itimerspec s = {{0, 3000000}, {0, 3000000}}, now;
  T(timer_settime(id, 0, &s, 0));
  while (queued < 4) pause();
  T(timer_gettime(id, &now));
  IS(now.it_interval.tv_nsec == 3000000);
  IS(timer_getoverrun(id) >= 0);
  T(timer_delete(id));
  T(timer_delete(id));
  T(timer_create(1000, &e, &id));
  s.it_value.tv_nsec = 1000000000;
  T(setitimer(9, &v, 0));
  return done();
}
