// Packet mode: the master hears of flushes, of stops and starts, and of settings, each read with a byte before it.
#include "../include/pty.h"

static void packet(void) {
  char b[200];
  struct pollfd p = {pty_m, POLLIN, 0};
  if (poll(&p, 1, 10000) != 1) { SAY("nothing comes"); return; }
  long n = read(pty_m, b, sizeof b);
  if (n <= 0) SAY("read: %s", t_error(errno));
  else printf("%s %d ", p.revents & POLLPRI ? "urgent" : "plain", b[0]), pty_bytes("with", b + 1, n - 1);
}

int main(void) {
  int on = 1, off = 0, is = -1;
  pty_open();
  pty_cooked();
  pty_flags(0, 0, 0, 0, 0, ECHO);
  T(ioctl(pty_m, TIOCGPKT, &is));
  T(is);
  T(ioctl(pty_m, TIOCPKT, &on));
  T(ioctl(pty_m, TIOCGPKT, &is));
  T(is);
  SAY("bytes");
  T(write(pty_s, "hello\n", 6));
  packet();
  SAY("stop and start");
  T(tcflow(pty_s, TCOOFF));
  packet();
  T(tcflow(pty_s, TCOON));
  packet();
  TYPE("\x13");
  packet();
  TYPE("\x11");
  packet();
  SAY("flushes");
  T(tcflush(pty_s, TCIFLUSH));
  packet();
  T(tcflush(pty_s, TCOFLUSH));
  packet();
  T(tcflush(pty_s, TCIOFLUSH));
  packet();
  SAY("a signal's key flushes both");
  signal(SIGINT, SIG_IGN);
  TYPE("\x03");
  int seen = 0;
  for (char c = 0; seen != (TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE) && read(pty_m, &c, 1) == 1;) seen |= c;
  T(seen);
  SAY("settings");
  pty_flags(0, IXON, 0, 0, 0, 0);
  packet();
  pty_flags(IXON, 0, 0, 0, 0, 0);
  packet();
  struct termios t = pty_get();
  t.c_cc[VSTOP] = 'S';
  pty_set(t);
  packet();
  t.c_cc[VSTOP] = 19;
  pty_set(t);
  packet();
  pty_flags(0, 0, 0, 0, 0, ISIG);
  SAY("%x", pty_ready(pty_m, 0) & (POLLIN | POLLPRI));
  pty_flags(0, 0, 0, 0, EXTPROC, 0);
  packet();
  pty_flags(0, 0, 0, 0, 0, EXTPROC);
  packet();
  SAY("two at once, and bytes behind them");
  T(write(pty_s, "behind", 6));
  T(tcflow(pty_s, TCOOFF));
  T(tcflush(pty_s, TCIFLUSH));
  packet();
  packet();
  T(tcflow(pty_s, TCOON));
  packet();
  SAY("a read of one byte");
  char c = 'z';
  T(write(pty_s, "one", 3));
  T(read(pty_m, &c, 1));
  T(c);
  packet();
  SAY("off again");
  T(ioctl(pty_m, TIOCPKT, &off));
  T(tcflow(pty_s, TCOOFF));
  T(tcflow(pty_s, TCOON));
  T(write(pty_s, "plain", 5));
  pty_master(5);
  pty_close();
  return done();
}
