// An end of a pipe can be opened again through /proc/self/fd, also when nobody is left at the other end.
#include "../include/t.h"

int main(void) {
  int p[2];
  char b[20] = {0}, path[40];
  T(pipe(p));
  T(write(p[1], "left behind", 11));
  T(close(p[1]));
  sprintf(path, "/proc/self/fd/%d", p[0]);
  int again = open(path, O_RDONLY);
  IS(again >= 0);
  T(read(again, b, 4));
  T(read(p[0], b + 4, 15));
  SAY("%s", b);
  T(read(again, b, 4));
  int w = open(path, O_WRONLY);
  IS(w >= 0);
  T(write(w, "more", 4));
  T(read(again, b, 4));
  T(close(p[0]) | close(again));
  T(fcntl(w, F_GETFL) & O_ACCMODE);
  return done();
}
