// Sleeps last at least as long as asked, relative and absolute, and refuse bad times.
#include "../include/t.h"
#include <sys/select.h>

#define SLEPT(call, ns) do { long long before = now_ns(CLOCK_MONOTONIC); T(call); long long took = now_ns(CLOCK_MONOTONIC) - before; \
  SAY("  long enough: %d, not too long: %d", took >= (ns), took < (ns) + 2000000000); } while (0)

int main(void) {
  struct timespec t = {0, 20000000}, rest;
  SLEPT(nanosleep(&t, &rest), 20000000);
  SLEPT(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, 0), 20000000);
  SLEPT(clock_nanosleep(CLOCK_REALTIME, 0, &t, 0), 20000000);
  SLEPT(clock_nanosleep(CLOCK_BOOTTIME, 0, &t, 0), 20000000);
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_nsec += 30000000;
  if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
  SLEPT(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, 0), 25000000);
  SLEPT(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, 0), 0);
  t = (struct timespec){0, 0};
  SLEPT(nanosleep(&t, 0), 0);
  t = (struct timespec){0, 1000000000};
  T(nanosleep(&t, 0));
  t = (struct timespec){-1, 0};
  T(nanosleep(&t, 0));
  T(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, 0));
  T(clock_nanosleep(1000, 0, &t, 0));
  T(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &t, 0));
  T(syscall(SYS_nanosleep, 8, 0));
  SLEPT(usleep(10000), 10000000);
  return done();
}
