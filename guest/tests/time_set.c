// Who waits for a time of day notices that it was set: timers that are read, with and without TFD_TIMER_CANCEL_ON_SET, and clock_nanosleep.
//: linux-differs
#include "../include/t.h"
#include <poll.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <sys/wait.h>

static int ready(int fd) {
  struct pollfd p = {fd, POLLIN, 0};
  return poll(&p, 1, 0);
}

static void set(long seconds) {
  struct timespec t = {seconds, 0};
  IS(clock_settime(CLOCK_REALTIME, &t) == 0);
}

int main(void) {
  uint64_t times;
  struct utsname system;
  // Linux shares its clock with whoever else is there.
  if (uname(&system) || !strstr(system.release, "chiton")) return 2;
  set(1000000000);
  int plain = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK), told = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK), since = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct itimerspec at = {.it_value = {1000001000, 0}};
  IS(timerfd_settime(plain, TFD_TIMER_ABSTIME, &at, 0) == 0);
  IS(timerfd_settime(told, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, 0) == 0);
  struct itimerspec in = {.it_value = {1000, 0}};
  IS(timerfd_settime(since, 0, &in, 0) == 0);
  IS(!ready(plain) && !ready(told));
  set(1000000500);
  IS(!ready(plain) && ready(told) && !ready(since));
  IS(read(told, &times, 8) == -1 && errno == ECANCELED);
  IS(!ready(told) && read(told, &times, 8) == -1 && errno == EAGAIN);
  struct itimerspec left;
  IS(timerfd_gettime(plain, &left) == 0 && left.it_value.tv_sec <= 500 && left.it_value.tv_sec > 400);
  IS(timerfd_gettime(since, &left) == 0 && left.it_value.tv_sec > 900);
  pid_t child = fork();
  if (!child) {
    struct timespec until = {1000000900, 0};
    int failed = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, 0);
    struct pollfd p = {plain, POLLIN, 0};
    _exit(failed || poll(&p, 1, 10000) != 1 || read(plain, &times, 8) != 8 || times != 1);
  }
  set(1000001001);
  int status;
  IS(waitpid(child, &status, 0) == child && status == 0);
  IS(read(told, &times, 8) == -1 && errno == ECANCELED);
  IS(read(told, &times, 8) == 8 && times == 1);
  IS(!ready(since));
  struct timex x = {.modes = ADJ_SETOFFSET, .time = {-100, 0}};
  IS(adjtimex(&x) >= 0 && x.time.tv_sec < 1000000990);
  IS(time(0) >= 1000000901 && time(0) < 1000000990);
  return done();
}
