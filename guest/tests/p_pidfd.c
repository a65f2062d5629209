// pidfd: opening, polling for the end, signalling, waiting.
#include "../include/t.h"
#include <poll.h>
#include <sys/wait.h>

int main(void) {
  int status;
  siginfo_t info;
  pid_t child = fork();
  if (child == 0) for (;;) pause();
  int fd = (int)syscall(SYS_pidfd_open, child, 0);
  IS(fd >= 0);
  IS(fcntl(fd, F_GETFD) == FD_CLOEXEC);
  struct pollfd p = {fd, POLLIN, 0};
  T(poll(&p, 1, 0));
  T(syscall(SYS_pidfd_send_signal, fd, SIGTERM, 0, 0));
  T(poll(&p, 1, 5000));
  T(waitid(3, (id_t)fd, &info, WEXITED));
  T(info.si_status);
  T(waitpid(child, &status, 0));
  T(syscall(SYS_pidfd_send_signal, fd, 0, 0, 0));
  T(syscall(SYS_pidfd_open, 9999999, 0));
  T(syscall(SYS_pidfd_open, getpid(), 7));
  return done();
}
