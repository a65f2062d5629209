// A change of the terminal's size arrives.
//: terminal 24x80
//: resize 33x101
#include "../include/t.h"
#include <sys/ioctl.h>

int main(void) {
  struct winsize w;
  SAY("ready");
  for (int i = 0; i < 500; i++) {
    ioctl(1, TIOCGWINSZ, &w);
    if (w.ws_row == 33) break;
    usleep(10000);
  }
  SAY("%d rows, %d columns", w.ws_row, w.ws_col);
  return done();
}
