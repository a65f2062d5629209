// Writing to a pipe without readers ends the program by SIGPIPE.
#include "../include/t.h"

int main(void) {
  int p[2];
  T(pipe(p));
  T(close(p[0]));
  T(write(p[1], "x", 1));
  SAY("not reached");
  return done();
}
