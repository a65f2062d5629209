// Every clock runs forward, has a resolution, and those that measure the same agree.
#include "../include/t.h"
#include <sys/time.h>
#include <sys/times.h>

int main(void) {
  struct timespec t;
  const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW,
                              CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI};
  for (int i = 0; i < 9; i++) {
    int r = clock_gettime(clocks[i], &t);
    long long last = now_ns(clocks[i]), steps = 0;
    bool forward = true;
    for (int n = 0; n < 20000; n++) {
      long long now = now_ns(clocks[i]);
      forward &= now >= last;
      steps += now > last;
      last = now;
    }
    SAY("clock %d: %d, forward %d, in nanoseconds %d", clocks[i], r, forward, t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
    T(clock_getres(clocks[i], &t));
    IS(t.tv_sec == 0 && t.tv_nsec >= 1 && t.tv_nsec <= 10000000);
  }
  T(clock_gettime(1000, &t));
  T(clock_getres(1000, &t));
  T(clock_getres(CLOCK_MONOTONIC, 0));
  T(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 8));
  T(syscall(SYS_clock_gettime, 1000, &t));
  long long a = now_ns(CLOCK_MONOTONIC);
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
  long long b = t.tv_sec * 1000000000LL + t.tv_nsec, c = now_ns(CLOCK_MONOTONIC);
  IS(a <= b && b <= c);
  struct timeval v;
  struct timezone z;
  T(gettimeofday(&v, &z));
  IS(llabs(v.tv_sec * 1000000000LL + v.tv_usec * 1000LL - now_ns(CLOCK_REALTIME)) < 1000000000);
  IS(labs(time(0) - v.tv_sec) <= 1);
  IS(v.tv_sec > 1700000000);
  IS(times(0) != -1);
  T(syscall(SYS_time, 0) - time(0) <= 1);
  return done();
}
