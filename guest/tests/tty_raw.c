// Without line editing every byte comes at once, nothing is echoed or translated, and VMIN and VTIME hold.
//: terminal 24x80
//: type x
//: type \x03\x04\x7f\x0d
//: type abcdef
#include "../include/t.h"
#include <termios.h>

int main(void) {
  struct termios t, old;
  unsigned char b[20] = {0};
  tcgetattr(0, &old);
  t = old;
  cfmakeraw(&t);
  T(tcsetattr(0, TCSANOW, &t));
  printf("ready\n");
  T(read(0, b, 20));
  printf("%d\n", b[0]);
  t.c_cc[VMIN] = 4;
  T(tcsetattr(0, TCSAFLUSH, &t));
  printf("ready\n");
  T(read(0, b, 20));
  printf("%d %d %d %d\n", b[0], b[1], b[2], b[3]);
  t.c_cc[VMIN] = 6;
  T(tcsetattr(0, TCSADRAIN, &t));
  printf("ready\n");
  T(read(0, b, 6));
  printf("%.6s\n", (char *)b);
  t.c_cc[VMIN] = 0, t.c_cc[VTIME] = 1;
  T(tcsetattr(0, TCSANOW, &t));
  long long before = now_ns(CLOCK_MONOTONIC);
  T(read(0, b, 6));
  long long took = now_ns(CLOCK_MONOTONIC) - before;
  IS(took >= 90000000);
  T(tcsetattr(0, TCSANOW, &old));
  struct termios now;
  T(tcgetattr(0, &now));
  IS(now.c_lflag == old.c_lflag && now.c_iflag == old.c_iflag && now.c_oflag == old.c_oflag);
  T(tcsetattr(0, 99, &t));
  return done();
}
