// A terminal is recognised, has its size, Linux's initial settings, and a name.
//: terminal 24x80
#include "../include/t.h"
#include <sys/ioctl.h>
#include <termios.h>

int main(void) {
  struct winsize w = {0};
  struct termios t;
  struct stat st;
  T(isatty(0));
  T(isatty(1));
  T(ioctl(0, TIOCGWINSZ, &w));
  SAY("%d rows, %d columns", w.ws_row, w.ws_col);
  T(tcgetattr(0, &t));
  IS((t.c_lflag & (ICANON | ECHO | ISIG | IEXTEN | ECHOE | ECHOK)) == (ICANON | ECHO | ISIG | IEXTEN | ECHOE | ECHOK));
  IS((t.c_iflag & ICRNL) && (t.c_oflag & (OPOST | ONLCR)) == (OPOST | ONLCR));
  SAY("%d %d %d %d %d", t.c_cc[VINTR], t.c_cc[VERASE], t.c_cc[VEOF], t.c_cc[VMIN], t.c_cc[VSUSP]);
  T(fstat(0, &st));
  IS(S_ISCHR(st.st_mode));
  IS(ttyname(0) != 0);
  OK(open("/dev/tty", O_RDWR));
  T(ioctl(0, TIOCGWINSZ, 8));
  T(ioctl(0, 0x5499, 0));
  T(lseek(0, 0, SEEK_SET));
  return done();
}
