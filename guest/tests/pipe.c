// A pipe within one process: order, end of file, EPIPE, non-blocking limits, atomic small writes, FIONREAD.
#include "../include/t.h"
#include <sys/ioctl.h>

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  int p[2], n;
  char b[100] = {0};
  T(pipe(p));
  T(write(p[1], "first ", 6));
  T(write(p[1], "second", 6));
  T(ioctl(p[0], FIONREAD, &n));
  T(n);
  T(read(p[0], b, 3));
  T(read(p[0], b + 3, 50));
  SAY("%s", b);
  T(write(p[1], "rest", 4));
  T(close(p[1]));
  T(read(p[0], b, 50));
  T(read(p[0], b, 50));
  T(read(p[0], b, 50));
  T(close(p[0]));
  T(pipe2(p, O_NONBLOCK));
  T(read(p[0], b, 1));
  char *big = calloc(1, 100000);
  T(write(p[1], big, 100000));
  T(write(p[1], big, 1));
  T(ioctl(p[0], FIONREAD, &n));
  T(n);
  T(read(p[0], big, 4095));
  T(write(p[1], big, 1));
  T(read(p[0], big, 1));
  T(write(p[1], big, 4096));
  T(read(p[0], big, 100000));
  T(close(p[0]));
  T(write(p[1], "x", 1));
  T(read(p[1], b, 1));
  T(pipe2(p, O_CLOEXEC | 1));
  T(pipe((int *)8));
  T(pipe(p));
  T(write(p[0], b, 1));
  T(write(p[1], b, 0));
  T(read(p[0], b, 0));
  return done();
}
