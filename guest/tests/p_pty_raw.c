// Reading without lines: VMIN and VTIME in their four combinations, reads that do not wait, poll, and what a change of mode does to what was typed.
//: cpus 1 4
#include "../include/pty.h"
#include <sys/wait.h>

static void nothing(int signal) { (void)signal; }

int main(void) {
  int n = -1;
  pty_open();
  pty_raw(1, 0);
  SAY("at least one");
  TYPE("abc");
  pty_read(100);
  SAY("exactly what is asked for");
  pty_raw(4, 0);
  TYPE("abcdefghij");
  pty_read(3), pty_read(7);
  SAY("at least four, in two parts");
  if (!fork()) {
    TYPE("12");
    usleep(50000);
    TYPE("34");
    _exit(0);
  }
  pty_read(100);
  wait(0);
  SAY("not enough for poll, and enough");
  TYPE("xyz");
  while (ioctl(pty_s, FIONREAD, &n), n != 3) usleep(1000);
  SAY("%x", pty_ready(pty_s, 0));
  fcntl(pty_s, F_SETFL, O_NONBLOCK);
  pty_read(100);
  T(read(pty_s, &n, 4));
  TYPE("wxyz");
  SAY("%x", pty_ready(pty_s, 5000));
  pty_read(100);
  fcntl(pty_s, F_SETFL, 0);
  SAY("a time between bytes");
  pty_raw(5, 2);
  TYPE("ab");
  long long before = now_ns(CLOCK_MONOTONIC);
  pty_read(100);
  IS(now_ns(CLOCK_MONOTONIC) - before >= 190000000LL);
  SAY("the time begins with the first byte");
  if (!fork()) {
    usleep(600000);
    TYPE("late");
    _exit(0);
  }
  before = now_ns(CLOCK_MONOTONIC);
  long got = read(pty_s, &n, 4);
  IS(got >= 1 && now_ns(CLOCK_MONOTONIC) - before >= 500000000LL);
  wait(0);
  tcflush(pty_s, TCIFLUSH);
  SAY("a time for the first byte");
  pty_raw(0, 2);
  before = now_ns(CLOCK_MONOTONIC);
  pty_read(100);
  IS(now_ns(CLOCK_MONOTONIC) - before >= 190000000LL);
  TYPE("there");
  while (ioctl(pty_s, FIONREAD, &n), n != 5) usleep(1000);
  pty_read(100);
  fcntl(pty_s, F_SETFL, O_NONBLOCK);
  pty_read(100);
  SAY("neither");
  pty_raw(0, 0);
  pty_read(100);
  fcntl(pty_s, F_SETFL, 0);
  pty_read(100);
  TYPE("now");
  while (ioctl(pty_s, FIONREAD, &n), n != 3) usleep(1000);
  pty_read(100);
  SAY("more than a piece");
  char many[300];
  memset(many, 'm', sizeof many);
  for (int least = 50; least <= 150; least += 50) {
    pty_raw(least, 0);
    pty_type_bytes(many, sizeof many);
    while (ioctl(pty_s, FIONREAD, &n), n != sizeof many) usleep(1000);
    T(read(pty_s, many, 200));
    tcflush(pty_s, TCIFLUSH);
  }
  SAY("a signal's handler and a part");
  pty_raw(10, 0);
  TYPE("part");
  while (ioctl(pty_s, FIONREAD, &n), n != 4) usleep(1000);
  struct sigaction a = {0};
  a.sa_handler = nothing;
  sigaction(SIGALRM, &a, 0);
  ualarm(100000, 0);
  pty_read(100);
  ualarm(100000, 0);
  pty_read(100);
  SAY("typed as a line, read as bytes, and the other way round");
  pty_cooked();
  pty_flags(0, 0, 0, 0, 0, ECHO);
  TYPE("line\nhalf");
  pty_read(100);
  TYPE("\x16q");
  while (pty_ready(pty_s, 0) & POLLIN) {}
  struct termios t = pty_get();
  t.c_lflag &= ~(tcflag_t)ICANON, t.c_cc[VMIN] = 1, t.c_cc[VTIME] = 0;
  usleep(100000);
  pty_set(t);
  pty_read(100);
  TYPE("bytes");
  while (ioctl(pty_s, FIONREAD, &n), n != 5) usleep(1000);
  t.c_lflag |= ICANON;
  pty_set(t);
  pty_read(100);
  TYPE("\x04");
  pty_read(100);
  SAY("flushing");
  TYPE("gone\n");
  while (ioctl(pty_s, FIONREAD, &n), n != 5) usleep(1000);
  T(tcflush(pty_s, TCIFLUSH));
  T(ioctl(pty_s, FIONREAD, &n));
  T(n);
  TYPE("gone too\n");
  while (ioctl(pty_s, FIONREAD, &n), n != 9) usleep(1000);
  T(tcsetattr(pty_s, TCSAFLUSH, &t));
  TYPE("stays\n");
  pty_read(100);
  T(tcflush(pty_s, 3));
  T(tcflush(pty_s, TCIOFLUSH));
  T(tcflush(pty_s, TCOFLUSH));
  pty_close();
  return done();
}
