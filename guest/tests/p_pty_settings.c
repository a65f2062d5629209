// The requests about settings: all three structures, speeds, having the terminal for oneself, typing for it, counting, and what is unknown.
//: root
#include "../include/pty.h"

// As the kernel has them; the C library's are others.
struct kernel_termios { unsigned iflag, oflag, cflag, lflag; unsigned char line, cc[19]; unsigned ispeed, ospeed; };
struct old { unsigned short iflag, oflag, cflag, lflag; unsigned char line, cc[8]; };
enum { GETS = 0x5401, SETS = 0x5402, GETA = 0x5405, SETA = 0x5406, BOTHER_ = 010000, BAUD = 010017 };
#define GETS2 0x802c542aUL
#define SETS2 0x402c542bUL
#define SETSF2 0x402c542dUL

static struct kernel_termios get(void) {
  struct kernel_termios t = {0};
  if (ioctl(pty_s, GETS2, &t)) SAY("TCGETS2: %s", t_error(errno));
  return t;
}

static void speeds(void) {
  struct kernel_termios t = get();
  SAY("%o %u %u", t.cflag, t.ispeed, t.ospeed);
}

int main(void) {
  int n = -1;
  char c;
  pty_open();
  SAY("what a new terminal has");
  struct kernel_termios t = get();
  SAY("%o %o %o %o %d", t.iflag, t.oflag, t.cflag, t.lflag, t.line);
  for (int i = 0; i < 19; i++) printf("%d ", t.cc[i]);
  SAY(".");
  speeds();
  SAY("speeds");
  t.cflag = (t.cflag & ~BAUD) | B115200;
  T(ioctl(pty_s, SETS, &t));
  speeds();
  t = get();
  t.cflag = (t.cflag & ~BAUD) | BOTHER_, t.ispeed = 12345, t.ospeed = 54321;
  T(ioctl(pty_s, SETS2, &t));
  speeds();
  struct termios lib = pty_get();
  T(cfsetospeed(&lib, B9600));
  T(tcsetattr(pty_s, TCSADRAIN, &lib));
  speeds();
  t = get();
  t.cflag = (t.cflag & ~BAUD) | BOTHER_ | B300 << 16, t.ospeed = 777;
  T(ioctl(pty_s, SETSF2, &t));
  speeds();
  SAY("a line of its own has eight bits and no parity");
  t = get();
  t.cflag = 0;
  T(ioctl(pty_s, SETS, &t));
  speeds();
  t.cflag = CS5 | PARENB | PARODD | HUPCL | CLOCAL | CSTOPB | B38400;
  T(ioctl(pty_s, SETS, &t));
  speeds();
  SAY("the old structure");
  struct old o = {0};
  T(ioctl(pty_s, GETA, &o));
  SAY("%o %o %o %o %d %d", o.iflag, o.oflag, o.cflag, o.lflag, o.cc[0], o.cc[7]);
  o.cc[0] = 'i', o.lflag &= (unsigned short)~ECHO;
  T(ioctl(pty_s, SETA, &o));
  lib = pty_get();
  SAY("%d %d %d", lib.c_cc[VINTR], lib.c_cc[VSUSP], !!(lib.c_lflag & ECHO));
  SAY("through the master they are the terminal's");
  T(tcgetattr(pty_m, &lib));
  SAY("%d", lib.c_cc[VINTR]);
  lib.c_cc[VINTR] = 3, lib.c_lflag |= ECHO;
  T(tcsetattr(pty_m, TCSANOW, &lib));
  SAY("%d", get().cc[VINTR]);
  T(ioctl(pty_s, GETS, 8));
  T(ioctl(pty_s, SETS, 8));
  SAY("carrier");
  T(ioctl(pty_s, TIOCGSOFTCAR, &n));
  T(n);
  n = 0;
  T(ioctl(pty_s, TIOCSSOFTCAR, &n));
  speeds();
  SAY("for oneself");
  T(fchmod(pty_s, 0666));
  T(ioctl(pty_s, TIOCEXCL));
  T(ioctl(pty_s, TIOCGEXCL, &n));
  T(n);
  for (int i = 0; i < 2; i++) {
    pid_t child = fork();
    if (!child) {
      if (i && setuid(12345)) _exit(9);
      OK(open(pty_name, O_RDWR | O_NOCTTY));
      _exit(0);
    }
    pty_wait(i ? "somebody" : "the superuser", child, 0);
  }
  T(ioctl(pty_s, TIOCNXCL));
  T(ioctl(pty_s, TIOCGEXCL, &n));
  T(n);
  SAY("typing for it");
  pty_cooked();
  for (const char *k = "ty\x7fped\n"; *k; k++) if (ioctl(pty_s, TIOCSTI, k)) SAY("%s", t_error(errno));
  pty_read(100);
  pty_shown();
  pid_t child = fork();
  if (!child) {
    if (setuid(12345)) _exit(9);
    IS(ioctl(pty_s, TIOCSTI, "x") == -1 && (errno == EPERM || errno == EIO));
    T(ioctl(pty_s, TIOCVHANGUP));
    _exit(t_failed);
  }
  pty_wait("somebody else", child, 0);
  T(ioctl(pty_s, TIOCSTI, 8));
  SAY("counting");
  TYPE("1234\n56\n\x04");
  TYPE("78");
  while (ioctl(pty_s, FIONREAD, &n), n != 8) usleep(1000);
  T(n);
  pty_read(3);
  T(ioctl(pty_s, FIONREAD, &n));
  T(n);
  pty_read(100), pty_read(100), pty_read(100);
  TYPE("\n");
  pty_read(100);
  pty_shown();
  T(ioctl(pty_s, TIOCOUTQ, &n));
  T(n);
  T(write(pty_s, "12345", 5));
  while (ioctl(pty_m, FIONREAD, &n), n != 5) usleep(1000);
  T(ioctl(pty_m, TIOCOUTQ, &n));
  T(n);
  T(tcflush(pty_m, TCIFLUSH));
  T(ioctl(pty_m, FIONREAD, &n));
  T(n);
  SAY("settings that are locked");
  struct kernel_termios locked = {0}, wanted = get();
  T(ioctl(pty_s, TIOCGLCKTRMIOS, &locked));
  SAY("%o %o %o %o %d %d", locked.iflag, locked.oflag, locked.cflag, locked.lflag, locked.line, locked.cc[0]);
  T(ioctl(pty_s, TIOCGLCKTRMIOS, (void *)16));
  locked.lflag = ECHO;
  locked.cc[VINTR] = 1;
  T(ioctl(pty_s, TIOCSLCKTRMIOS, &locked));
  T(ioctl(pty_m, TIOCGLCKTRMIOS, &locked));
  SAY("%o %d", locked.lflag, locked.cc[VINTR]);
  wanted.lflag ^= ECHO | ICANON;
  wanted.cc[VINTR] = 'i';
  wanted.cc[VQUIT] = 'q';
  T(ioctl(pty_s, SETS, &wanted));
  wanted = get();
  SAY("%o %d %d", wanted.lflag, wanted.cc[VINTR], wanted.cc[VQUIT]);
  memset(&locked, 0, sizeof locked);
  T(ioctl(pty_s, TIOCSLCKTRMIOS, &locked));
  SAY("disciplines, modems and what nobody knows");
  T(ioctl(pty_s, TIOCGETD, &n));
  T(n);
  T(ioctl(pty_s, TIOCSETD, &n));
  n = 29;
  T(ioctl(pty_s, TIOCSETD, &n));
  T(ioctl(pty_s, TIOCMGET, &n));
  T(ioctl(pty_s, TIOCGSERIAL, &n));
  T(ioctl(pty_s, 0x5498, &n));
  T(ioctl(pty_s, TCSBRK, 0));
  T(ioctl(pty_s, TCSBRKP, 1));
  T(ioctl(pty_s, TIOCSBRK, 0));
  T(ioctl(pty_s, TIOCCBRK, 0));
  SAY("not waiting, by ioctl");
  n = 1;
  T(ioctl(pty_s, FIONBIO, &n));
  T(read(pty_s, &c, 1));
  SAY("hanging up");
  T(ioctl(pty_s, TIOCVHANGUP));
  T(read(pty_s, &c, 1));
  T(write(pty_s, &c, 1));
  SAY("%x", pty_ready(pty_s, 0));
  int again = open(pty_name, O_RDWR | O_NOCTTY);
  T(write(again, "again", 5));
  close(pty_s);
  pty_s = again;
  pty_master(5);
  pty_close();
  return done();
}
