// Who may be sent a signal by a file, and which files send any: a file's owner is signalled by whoever made it so, and counters, timers and signals never tell.
//: root
#include "../include/t.h"
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

static volatile sig_atomic_t count;
static void told(int n) {
  (void)n;
  count++;
}

static void silent(const char *what, int fd) {
  int on = 1;
  errno = 0;
  int answer = ioctl(fd, FIOASYNC, &on);
  SAY("%s: FIOASYNC %d %s", what, answer, answer ? t_error(errno) : "");
  SAY("F_SETOWN %d", fcntl(fd, F_SETOWN, getpid()));
  SAY("F_SETFL %d", fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK));
}

// The same as requests, which sockets alone know.
static void by_request(void) {
  int s = socket(AF_INET, SOCK_DGRAM, 0), p[2], number = getpid(), told = -1, nobody = 0, group = -getpgrp();
  T(pipe(p));
  T(ioctl(s, FIOGETOWN, &told));
  SAY("%d", told);
  T(ioctl(s, FIOSETOWN, &number));
  IS(fcntl(s, F_GETOWN) == getpid() && ioctl(s, SIOCGPGRP, &told) == 0 && told == getpid());
  T(ioctl(s, SIOCSPGRP, &group));
  IS(ioctl(s, FIOGETOWN, &told) == 0 && told == -getpgrp());
  T(ioctl(s, SIOCSPGRP, &nobody));
  T(ioctl(s, FIOGETOWN, &told));
  T(ioctl(s, FIOSETOWN, (void *)1));
  number = 999999999;
  T(ioctl(s, FIOSETOWN, &number));
  T(ioctl(p[0], FIOSETOWN, &nobody));
  T(ioctl(p[0], FIOGETOWN, &told));
  close(s), close(p[0]), close(p[1]);
}

int main(void) {
  by_request();
  signal(SIGIO, told);
  uint64_t one = 1;
  int counter = eventfd(0, 0);
  silent("eventfd", counter);
  T(write(counter, &one, 8));
  SAY("%d", count);
  silent("timerfd", timerfd_create(CLOCK_MONOTONIC, 0));
  int watcher = epoll_create1(0);
  silent("epoll", watcher);
  struct epoll_event event = {.events = EPOLLIN};
  T(epoll_ctl(watcher, EPOLL_CTL_ADD, counter, &event));
  T(write(counter, &one, 8));
  SAY("%d", count);

  SAY("a file of signals that would tell of itself");
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGIO);
  sigprocmask(SIG_BLOCK, &set, 0);
  int signals = signalfd(-1, &set, 0);
  silent("signalfd", signals);
  raise(SIGUSR1);
  struct signalfd_siginfo info;
  T(read(signals, &info, sizeof info));
  SAY("%d", (int)info.ssi_signo == SIGUSR1);
  T(read(signals, &info, sizeof info));
  sigprocmask(SIG_UNBLOCK, &set, 0);

  SAY("somebody without rights makes another's process the owner");
  int s[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, s)) return 1;
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    if (setresuid(12345, 12345, 12345)) _exit(1);
    fcntl(s[0], F_SETSIG, SIGIO);
    fcntl(s[0], F_SETOWN, getppid());
    fcntl(s[0], F_SETFL, O_ASYNC);
    _exit(write(s[1], "x", 1) != 1);
  }
  int status;
  waitpid(child, &status, 0);
  SAY("%d %d", status, count);
  SAY("the owner's own process does");
  T(fcntl(s[0], F_SETOWN, getpid()));
  T(write(s[1], "x", 1));
  SAY("%d", count);
  return done();
}
