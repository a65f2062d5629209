// CPU clocks count work and not sleep.
#include "../include/t.h"

int main(void) {
  long long a = now_ns(CLOCK_PROCESS_CPUTIME_ID), m = now_ns(CLOCK_MONOTONIC);
  usleep(150000);
  long long b = now_ns(CLOCK_PROCESS_CPUTIME_ID);
  IS(now_ns(CLOCK_MONOTONIC) - m >= 150000000);
  IS(b - a < 100000000);
  for (volatile long i = 0; now_ns(CLOCK_PROCESS_CPUTIME_ID) - b < 50000000 && i < 2000000000; i++);
  IS(now_ns(CLOCK_PROCESS_CPUTIME_ID) - b >= 50000000);
  IS(now_ns(CLOCK_THREAD_CPUTIME_ID) >= 40000000);
  clockid_t mine;
  T(clock_getcpuclockid(0, &mine));
  IS(now_ns(mine) >= 50000000);
  return done();
}
