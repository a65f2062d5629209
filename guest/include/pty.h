// Pseudo-terminals for test programs: a pair, typing into it and showing what comes out of it, without guessing how long something takes.
#ifndef PTY_H
#define PTY_H
#include "t.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

static int pty_m = -1, pty_s = -1;
static char pty_name[32];

// Opens a pair in `pty_m` and `pty_s`, nobody's controlling terminal.
static inline void pty_open(void) {
  int zero = 0, number = -1;
  pty_m = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  if (pty_m < 0 || ioctl(pty_m, TIOCSPTLCK, &zero) || ioctl(pty_m, TIOCGPTN, &number)) printf("no pseudo-terminal: %s\n", t_error(errno));
  snprintf(pty_name, sizeof pty_name, "/dev/pts/%d", number);
  pty_s = open(pty_name, O_RDWR | O_NOCTTY);
  if (pty_s < 0) printf("%s does not open: %s\n", pty_name, t_error(errno));
}

static inline void pty_close(void) {
  close(pty_s), close(pty_m);
  pty_m = pty_s = -1;
}

// Shows bytes, those that cannot be printed as \x..
static inline void pty_bytes(const char *what, const char *bytes, long len) {
  printf("%s \"", what);
  for (long i = 0; i < len; i++) {
    unsigned char c = bytes[i];
    if (c == '\n') printf("\\n");
    else if (c == '\r') printf("\\r");
    else if (c >= ' ' && c < 127 && c != '"' && c != '\\') putchar(c);
    else printf("\\x%02x", c);
  }
  printf("\"\n");
}

static inline void pty_type_bytes(const char *text, size_t len) {
  if (write(pty_m, text, len) != (ssize_t)len) printf("typing fails: %s\n", t_error(errno));
}
#define TYPE(text) pty_type_bytes(text, sizeof(text) - 1)

// One read of the terminal.
static inline long pty_read(size_t size) {
  char b[8192];
  long n = read(pty_s, b, size < sizeof b ? size : sizeof b);
  if (n < 0) printf("read: %s\n", t_error(errno));
  else pty_bytes("read:", b, n);
  return n;
}

// What the terminal has shown until now. What was typed has been read, so that its echo has been shown: a byte that is written now comes after it.
static inline void pty_shown(void) {
  char b[8192];
  size_t n = 0;
  if (write(pty_s, "\001", 1) != 1) printf("writing fails: %s\n", t_error(errno));
  for (;;) {
    if (n == sizeof b || read(pty_m, b + n, 1) != 1) { printf("the end of what is shown does not come: %s\n", t_error(errno)); break; }
    if (b[n] == 1) break;
    n++;
  }
  pty_bytes("shown:", b, (long)n);
}

// Reads so many bytes of the master and shows them.
static inline void pty_master(size_t size) {
  char b[8192];
  size_t n = 0;
  while (n < size) {
    struct pollfd p = {pty_m, POLLIN, 0};
    if (poll(&p, 1, 10000) != 1) { printf("nothing comes\n"); break; }
    long got = read(pty_m, b + n, size - n);
    if (got <= 0) { printf("master: %s\n", got ? t_error(errno) : "the end"); break; }
    n += (size_t)got;
  }
  pty_bytes("master:", b, (long)n);
}

static inline struct termios pty_get(void) {
  struct termios t;
  if (tcgetattr(pty_s, &t)) printf("no settings: %s\n", t_error(errno));
  return t;
}

static inline void pty_set(struct termios t) {
  if (tcsetattr(pty_s, TCSANOW, &t)) printf("settings fail: %s\n", t_error(errno));
}

// Turns flags on and off.
static inline void pty_flags(tcflag_t iflag_on, tcflag_t iflag_off, tcflag_t oflag_on, tcflag_t oflag_off, tcflag_t lflag_on, tcflag_t lflag_off) {
  struct termios t = pty_get();
  t.c_iflag = (t.c_iflag & ~iflag_off) | iflag_on;
  t.c_oflag = (t.c_oflag & ~oflag_off) | oflag_on;
  t.c_lflag = (t.c_lflag & ~lflag_off) | lflag_on;
  pty_set(t);
}

// No processing at all.
static inline void pty_raw(int vmin, int vtime) {
  struct termios t = pty_get();
  cfmakeraw(&t);
  t.c_cc[VMIN] = (cc_t)vmin, t.c_cc[VTIME] = (cc_t)vtime;
  pty_set(t);
}

// The settings that every terminal begins with, whatever the machine's defaults are.
static inline void pty_cooked(void) {
  struct termios t = pty_get();
  t.c_iflag = ICRNL | IXON, t.c_oflag = OPOST | ONLCR;
  t.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
  static const cc_t keys[NCCS] = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0};
  memcpy(t.c_cc, keys, sizeof t.c_cc);
  pty_set(t);
}

static inline unsigned pty_ready(int fd, int wait) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0};
  poll(&p, 1, wait);
  return (unsigned)p.revents;
}

// How a child ended or stopped.
static inline void pty_wait(const char *who, pid_t child, int options) {
  int status = 0;
  pid_t got = waitpid(child, &status, options);
  if (got != child) printf("%s: %s\n", who, got ? t_error(errno) : "nothing new");
  else if (WIFSTOPPED(status)) printf("%s stopped by %d\n", who, WSTOPSIG(status));
  else if (WIFCONTINUED(status)) printf("%s goes on\n", who);
  else if (WIFSIGNALED(status)) printf("%s killed by %d\n", who, WTERMSIG(status));
  else printf("%s exited with %d\n", who, WEXITSTATUS(status));
}
#endif
