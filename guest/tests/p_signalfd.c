// signalfd delivers blocked signals as records.
#include "../include/t.h"
#include <poll.h>
#include <sys/signalfd.h>

int main(void) {
  sigset_t s;
  struct signalfd_siginfo i[3];
  sigemptyset(&s);
  sigaddset(&s, SIGUSR1), sigaddset(&s, SIGUSR2);
  sigprocmask(SIG_BLOCK, &s, 0);
  int fd = signalfd(-1, &s, SFD_NONBLOCK);
  IS(fd >= 0);
  T(read(fd, i, sizeof i));
  raise(SIGUSR2);
  sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 99});
  struct pollfd p = {fd, POLLIN, 0};
  T(poll(&p, 1, 0));
  T(read(fd, i, sizeof i));
  SAY("%d %d %d", i[0].ssi_signo, i[0].ssi_int, i[1].ssi_signo);
  T(poll(&p, 1, 0));
  sigdelset(&s, SIGUSR1);
  IS(signalfd(fd, &s, 0) == fd);
  raise(SIGUSR1);
  T(poll(&p, 1, 0));
  T(read(fd, i, 10));
  T(signalfd(-1, &s, 99));
  T(signalfd(0, &s, 0));
  return done();
}
