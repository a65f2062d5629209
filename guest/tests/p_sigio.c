// Files that send a signal when they are ready: owners, O_ASYNC and FIOASYNC, another signal with what happened.
#include "../include/t.h"
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static volatile sig_atomic_t count, code, fd_told;
static void told(int n, siginfo_t *info, void *context) {
  (void)n, (void)context;
  count++;
  code = info->si_code;
  fd_told = info->si_fd;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = told, .sa_flags = SA_SIGINFO};
  sigaction(SIGIO, &action, 0);
  sigaction(SIGRTMIN, &action, 0);
  int s[2], p[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) || pipe(p)) return 1;
  T(fcntl(s[0], F_GETOWN));
  T(fcntl(s[0], F_SETOWN, 999999));
  T(fcntl(s[0], F_SETOWN, INT_MIN));
  OK(fcntl(s[0], F_SETOWN, getpid()));
  IS(fcntl(s[0], F_GETOWN) == getpid());
  T(write(s[1], "x", 1));
  SAY("%d", count);
  int on = 1;
  T(ioctl(s[0], FIOASYNC, &on));
  SAY("%d", (fcntl(s[0], F_GETFL) & O_ASYNC) != 0);
  T(write(s[1], "y", 1));
  SAY("%d %d", count, code == SI_KERNEL || code == POLL_IN);
  T(fcntl(s[0], F_SETSIG, 999));
  T(fcntl(s[0], F_GETSIG));
  T(fcntl(s[0], F_SETSIG, SIGRTMIN));
  count = 0;
  T(write(s[1], "z", 1));
  SAY("%d %d %d", count, code == POLL_IN, fd_told == s[0]);
  T(fcntl(s[0], F_SETFL, 0));
  count = 0;
  T(write(s[1], "w", 1));
  SAY("%d", count);
  SAY("a pipe, and a group");
  struct f_owner_ex who = {F_OWNER_PGRP, getpgrp()};
  T(fcntl(p[0], F_SETOWN_EX, &who));
  who.type = 7;
  T(fcntl(p[0], F_SETOWN_EX, &who));
  T(fcntl(p[0], F_GETOWN_EX, &who));
  SAY("%d %d", who.type, who.pid == getpgrp());
  who = (struct f_owner_ex){F_OWNER_TID, syscall(SYS_gettid)};
  T(fcntl(p[0], F_SETOWN_EX, &who));
  T(fcntl(p[0], F_SETFL, O_ASYNC));
  T(write(p[1], "x", 1));
  SAY("%d", count);
  close(p[0]);
  int file = open("/dev/null", O_RDWR);
  T(ioctl(file, FIOASYNC, &on));
  T(ioctl(-1, FIOASYNC, &on));
  return 0;
}
