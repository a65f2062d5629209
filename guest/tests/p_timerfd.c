// timerfd expires, counts, repeats, is polled, and refuses bad clocks and times.
#include "../include/t.h"
#include <poll.h>
#include <sys/timerfd.h>

int main(void) {
  uint64_t n;
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  IS(fd >= 0);
  T(read(fd, &n, 8));
  struct itimerspec s = {{0, 0}, {0, 20000000}}, left;
  T(timerfd_settime(fd, 0, &s, 0));
  T(timerfd_gettime(fd, &left));
  IS(left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 20000000);
  struct pollfd p = {fd, POLLIN, 0};
  T(poll(&p, 1, 5000));
  T(read(fd, &n, 8));
  T(n);
  T(read(fd, &n, 8));
  s = (struct itimerspec){{0, 5000000}, {0, 5000000}};
  T(timerfd_settime(fd, 0, &s, 0));
  usleep(42000);
  T(read(fd, &n, 8));
  IS(n >= 8);
  s.it_value.tv_nsec = 0;
  T(timerfd_settime(fd, 0, &s, 0));
  T(read(fd, &n, 7));
  clock_gettime(CLOCK_MONOTONIC, &s.it_value);
  s.it_interval.tv_nsec = 0;
  T(timerfd_settime(fd, TFD_TIMER_ABSTIME, &s, 0));
  T(read(fd, &n, 8));
  T(n);
  s.it_value.tv_nsec = 1000000000;
  T(timerfd_settime(fd, 0, &s, 0));
  T(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
  T(timerfd_create(CLOCK_MONOTONIC, 1));
  T(timerfd_settime(0, 0, &s, 0));
  T(write(fd, &n, 8));
  return done();
}
