// A password prompt: without echo what is typed is not shown.
//: terminal 24x80
//: type secret\n
//: type shown\n
#include "../include/t.h"
#include <termios.h>

int main(void) {
  struct termios t;
  char b[50] = {0};
  tcgetattr(0, &t);
  t.c_lflag &= ~(tcflag_t)ECHO;
  tcsetattr(0, TCSAFLUSH, &t);
  SAY("ready");
  T(read(0, b, 49));
  t.c_lflag |= ECHO;
  tcsetattr(0, TCSANOW, &t);
  SAY("ready");
  T(read(0, b, 49));
  return done();
}
