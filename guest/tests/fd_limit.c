// RLIMIT_NOFILE bounds descriptor numbers: EMFILE for the lowest free one, EBADF for dup2 beyond.
#include "../include/t.h"
#include <sys/resource.h>

int main(void) {
  struct rlimit l;
  // Whatever was inherited.
  close_range(3, ~0u, 0);
  T(getrlimit(RLIMIT_NOFILE, &l));
  l.rlim_cur = 8;
  T(setrlimit(RLIMIT_NOFILE, &l));
  int n = 0;
  while (open("/dev/null", O_RDONLY) >= 0) n++;
  T(n);
  T(open("/dev/null", O_RDONLY));
  T(dup(0));
  T(pipe((int[2]){0}));
  T(dup2(0, 8));
  T(dup2(0, 7));
  T(fcntl(0, F_DUPFD, 7));
  T(fcntl(0, F_DUPFD, 8));
  T(open("none", O_RDONLY));
  l.rlim_cur = 300;
  T(setrlimit(RLIMIT_NOFILE, &l));
  T(dup2(0, 299));
  while (open("/dev/null", O_RDONLY) >= 0) n++;
  T(n);
  return done();
}
