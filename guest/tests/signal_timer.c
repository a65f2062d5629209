// POSIX timers: signals, values, threads, overruns, absolute times, running time, and asking without a signal.
#include "../include/t.h"
#include <pthread.h>
#include <sys/time.h>

static volatile int fired, value, code, overrun, tid;
static timer_t timer;

static void tick(int n, siginfo_t *i, void *c) {
  (void)n, (void)c;
  fired++, value = i->si_value.sival_int, code = i->si_code, overrun = i->si_overrun, tid = gettid();
}

static void wait_for(int count) {
  while (fired < count) usleep(1000);
}

static void burn(int ms) {
  long long end = now_ns(CLOCK_THREAD_CPUTIME_ID) + ms * 1000000LL;
  while (now_ns(CLOCK_THREAD_CPUTIME_ID) < end);
}

// What has fired without enough running time for it: none. (On a loaded machine a sleep may take running time.)
static int too_early(long long began, int ms) {
  return fired && now_ns(CLOCK_PROCESS_CPUTIME_ID) - began < ms * 1000000LL;
}

static void *target(void *number) {
  *(volatile int *)number = gettid();
  for (int i = 0; i < 2000 && *(volatile int *)number; i++) usleep(1000);
  return 0;
}

int main(void) {
  struct sigaction a = {0};
  struct sigevent e = {0};
  struct itimerspec s = {{0, 0}, {0, 10000000}}, left;
  struct timespec now;
  a.sa_sigaction = tick;
  a.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(SIGALRM, &a, 0), sigaction(SIGUSR1, &a, 0), sigaction(SIGRTMIN, &a, 0), sigaction(SIGPROF, &a, 0), sigaction(SIGVTALRM, &a, 0);

  SAY("once, without an event");
  T(timer_create(CLOCK_MONOTONIC, 0, &timer));
  T(timer_settime(timer, 0, &s, &left));
  wait_for(1);
  SAY("code %d", code == SI_TIMER);
  T(timer_gettime(timer, &left));
  SAY("left %ld %ld", left.it_value.tv_sec, left.it_value.tv_nsec);
  T(timer_delete(timer));
  T(syscall(SYS_timer_delete, timer));

  SAY("repeated, with a value");
  e.sigev_notify = SIGEV_SIGNAL, e.sigev_signo = SIGRTMIN, e.sigev_value.sival_int = 4711;
  T(timer_create(CLOCK_REALTIME, &e, &timer));
  fired = 0;
  s.it_interval.tv_nsec = 5000000;
  T(timer_settime(timer, 0, &s, 0));
  wait_for(4);
  SAY("value %d", value);
  T(timer_gettime(timer, &left));
  IS(left.it_interval.tv_nsec == 5000000 && left.it_value.tv_nsec > 0);
  s = (struct itimerspec){{0, 0}, {0, 0}};
  T(timer_settime(timer, 0, &s, 0));
  usleep(20000);
  fired = 0;
  usleep(30000);
  T(fired);

  SAY("overruns");
  sigset_t block, old;
  sigemptyset(&block), sigaddset(&block, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &block, &old);
  s = (struct itimerspec){{0, 1000000}, {0, 1000000}};
  T(timer_settime(timer, 0, &s, 0));
  usleep(100000);
  s.it_interval.tv_nsec = 500000000;
  fired = 0;
  sigprocmask(SIG_SETMASK, &old, 0);
  IS(fired >= 1);
  IS(timer_getoverrun(timer) >= 0);
  T(timer_delete(timer));
  T(timer_getoverrun((timer_t)77) == -1 && errno == EINVAL);

  SAY("absolute");
  T(timer_create(CLOCK_REALTIME, &e, &timer));
  clock_gettime(CLOCK_REALTIME, &now);
  s = (struct itimerspec){{0, 0}, now};
  s.it_value.tv_nsec += 20000000;
  if (s.it_value.tv_nsec >= 1000000000) s.it_value.tv_sec++, s.it_value.tv_nsec -= 1000000000;
  fired = 0;
  T(timer_settime(timer, TIMER_ABSTIME, &s, 0));
  wait_for(1);
  // A time that has passed fires at once.
  s.it_value.tv_sec -= 10;
  T(timer_settime(timer, TIMER_ABSTIME, &s, 0));
  wait_for(2);
  s.it_value.tv_nsec = 1000000000;
  T(timer_settime(timer, 0, &s, 0));
  T(timer_settime(timer, 0, 0, 0));
  T(timer_delete(timer));

  SAY("a thread");
  volatile int number = 0;
  pthread_t t;
  pthread_create(&t, 0, target, (void *)&number);
  while (!number) usleep(1000);
  e.sigev_notify = SIGEV_THREAD_ID;
  e._sigev_un._tid = number;
  T(timer_create(CLOCK_BOOTTIME, &e, &timer));
  s = (struct itimerspec){{0, 0}, {0, 5000000}};
  fired = 0;
  T(timer_settime(timer, 0, &s, 0));
  wait_for(1);
  IS(tid == number);
  number = 0;
  pthread_join(t, 0);
  T(timer_delete(timer));

  SAY("nobody");
  e.sigev_notify = SIGEV_NONE;
  T(timer_create(CLOCK_MONOTONIC, &e, &timer));
  s = (struct itimerspec){{0, 30000000}, {0, 10000000}};
  T(timer_settime(timer, 0, &s, 0));
  usleep(50000);
  T(timer_gettime(timer, &left));
  IS(left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 30000000);
  T(timer_delete(timer));

  SAY("running time");
  e.sigev_notify = SIGEV_SIGNAL;
  T(timer_create(CLOCK_PROCESS_CPUTIME_ID, &e, &timer));
  s = (struct itimerspec){{0, 0}, {0, 50000000}};
  fired = 0;
  T(timer_settime(timer, 0, &s, 0));
  long long began = now_ns(CLOCK_PROCESS_CPUTIME_ID);
  usleep(80000);
  T(too_early(began, 50));
  while (!fired) burn(10);
  T(fired);
  T(timer_delete(timer));
  struct itimerval v = {{0, 20000}, {0, 20000}};
  fired = 0;
  T(setitimer(ITIMER_PROF, &v, 0));
  began = now_ns(CLOCK_PROCESS_CPUTIME_ID);
  usleep(50000);
  T(too_early(began, 20));
  // On a loaded machine several periods may end at once.
  while (fired < 2) burn(10);
  v = (struct itimerval){{0, 0}, {0, 0}};
  T(setitimer(ITIMER_PROF, &v, 0));
  v.it_value.tv_usec = 20000;
  fired = 0;
  T(setitimer(ITIMER_VIRTUAL, &v, 0));
  for (volatile long i = 0; i < 4000000000 && !fired; i++);
  T(fired);

  SAY("errors");
  T(timer_create(12345, &e, &timer));
  T(timer_create(CLOCK_MONOTONIC_RAW, &e, &timer));
  e.sigev_signo = 65;
  T(timer_create(CLOCK_MONOTONIC, &e, &timer));
  e.sigev_notify = 9;
  T(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &timer));
  T(syscall(SYS_timer_create, CLOCK_MONOTONIC, 0, 8));
  v.it_value.tv_usec = 1000000;
  T(setitimer(ITIMER_REAL, &v, 0));
  T(syscall(SYS_setitimer, 3, &v, 0));
  T(getitimer(ITIMER_REAL, (struct itimerval *)8));
  T(alarm(10));
  T(alarm(3));
  T(alarm(0));
  T(alarm(0));
  return done();
}
