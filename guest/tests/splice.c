// splice and tee move and copy between pipes and files.
#include "../include/t.h"

int main(void) {
  char b[50] = {0};
  int p[2], q[2];
  put("f", "spliced content");
  int f = open("f", O_RDONLY), g = open("g", O_RDWR | O_CREAT, 0644);
  T(pipe(p) | pipe(q));
  T(splice(f, 0, p[1], 0, 7, 0));
  T(tee(p[0], q[1], 100, 0));
  T(splice(p[0], 0, g, 0, 100, 0));
  T(read(q[0], b, 50));
  SAY("%s", b);
  show("g");
  off_t at = 8;
  T(splice(f, &at, p[1], 0, 100, 0));
  T(at);
  T(read(p[0], b, 50));
  SAY("%.7s", b);
  T(splice(f, 0, g, 0, 1, 0));
  T(splice(p[0], &at, g, 0, 1, 0));
  T(splice(p[0], 0, g, 0, 1, SPLICE_F_NONBLOCK));
  struct iovec v = {"vm", 2};
  T(vmsplice(p[1], &v, 1, 0));
  T(read(p[0], b, 2));
  return done();
}
