// adjtimex and clock_adjtime tell of the clock, and refuse to change it without CAP_SYS_TIME.
//: root
#include "../include/t.h"
#include <sys/timex.h>

int main(void) {
  struct timex x = {0};
  IS(adjtimex(&x) >= 0);
  SAY("%ld %ld %d", x.tick, x.tolerance, x.time.tv_sec > 1000000000);
  x = (struct timex){0};
  IS(clock_adjtime(CLOCK_REALTIME, &x) >= 0);
  x = (struct timex){.modes = ADJ_OFFSET_SS_READ};
  IS(adjtimex(&x) >= 0);
  T(clock_adjtime(CLOCK_MONOTONIC, &x));
  T(clock_adjtime(99, &x));
  T(syscall(SYS_adjtimex, 8));
  T(syscall(SYS_clock_adjtime, CLOCK_REALTIME, 8));
  T(setresuid(1000, 1000, 1000));
  x = (struct timex){.modes = ADJ_FREQUENCY};
  T(adjtimex(&x));
  x = (struct timex){.modes = ADJ_SETOFFSET, .time = {1, 0}};
  T(adjtimex(&x));
  x = (struct timex){0};
  IS(adjtimex(&x) >= 0);
  return done();
}
