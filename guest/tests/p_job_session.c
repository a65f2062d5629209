// Getting a controlling terminal and losing it: opening, TIOCSCTTY with what it refuses, stealing, TIOCNOTTY, setsid, and what /dev/tty is meanwhile.
//: cpus 1 4
#include "../include/pty.h"

static void in_child(const char *name, void (*what)(void)) {
  SAY("%s", name);
  pid_t child = fork();
  if (!child) {
    what();
    _exit(t_failed);
  }
  pty_wait("it", child, 0);
}

static void tty(void) {
  int fd = (int)OK(open("/dev/tty", O_RDWR | O_CLOEXEC));
  if (fd >= 0) close(fd);
}

static void by_opening(void) {
  T(setsid() == getpid());
  tty();
  int fd = (int)OK(open(pty_name, O_RDWR | O_NOCTTY));
  tty();
  close(fd);
  fd = (int)OK(open(pty_name, O_WRONLY));
  tty();
  close(fd);
  fd = (int)OK(open(pty_name, O_RDWR));
  tty();
  IS(tcgetpgrp(fd) == getpid() && tcgetsid(fd) == getpid());
  T(ioctl(fd, TIOCSCTTY, 0));
  pid_t child = fork();
  if (!child) {
    tty();
    T(ioctl(fd, TIOCSCTTY, 0));
    SAY("a child leaves");
    T(setsid() == getpid());
    tty();
    T(ioctl(fd, TIOCSCTTY, 0));
    T(ioctl(fd, TIOCGPGRP, &child));
    T(ioctl(fd, TIOCNOTTY));
    _exit(t_failed);
  }
  pty_wait("the child", child, 0);
  int own = open("/dev/tty", O_RDWR);
  IS(isatty(own));
  char link[64] = {0}, path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", own);
  OK(readlink(path, link, sizeof link - 1));
  SAY("%s", link);
  T(write(own, "t", 1));
  char c = 0;
  T(read(pty_m, &c, 1));
  T(c);
  close(own);
  SAY("a child gives it up, alone");
  child = fork();
  if (!child) {
    T(ioctl(fd, TIOCNOTTY));
    tty();
    T(ioctl(fd, TIOCNOTTY));
    T(ioctl(fd, TIOCSCTTY, 0));
    _exit(0);
  }
  pty_wait("the child", child, 0);
  tty();
}

static void not_leading(void) {
  setsid();
  pid_t child = fork();
  if (!child) {
    tty();
    int fd = (int)OK(open(pty_name, O_RDWR));
    tty();
    T(ioctl(fd, TIOCSCTTY, 0));
    _exit(0);
  }
  pty_wait("the child", child, 0);
}

static void gives_up(void) {
  setsid();
  ioctl(pty_s, TIOCSCTTY, 0);
  sigset_t wanted;
  sigemptyset(&wanted), sigaddset(&wanted, SIGHUP), sigaddset(&wanted, SIGCONT);
  sigprocmask(SIG_BLOCK, &wanted, 0);
  int go[2];
  char c;
  if (pipe(go)) _exit(9);
  pid_t child = fork();
  if (!child) {
    if (read(go[0], &c, 1) != 1) _exit(9);
    tty();
    _exit(0);
  }
  T(ioctl(pty_s, TIOCNOTTY));
  siginfo_t info;
  T(sigwaitinfo(&wanted, &info));
  IS(info.si_code == SI_USER);
  T(sigwaitinfo(&wanted, &info));
  tty();
  if (write(go[1], "g", 1) != 1) _exit(9);
  pty_wait("the child", child, 0);
  T(ioctl(pty_s, TIOCSCTTY, 0));
  tty();
}

static void steals(void) {
  int ready[2], go[2];
  char c;
  if (pipe(ready) || pipe(go)) _exit(9);
  pid_t victim = fork();
  if (!victim) {
    setsid();
    ioctl(pty_s, TIOCSCTTY, 0);
    signal(SIGHUP, SIG_IGN);
    if (write(ready[1], "r", 1) != 1 || read(go[0], &c, 1) != 1) _exit(9);
    tty();
    T(ioctl(pty_s, TIOCGPGRP, &victim));
    _exit(0);
  }
  setsid();
  if (read(ready[0], &c, 1) != 1) _exit(9);
  T(ioctl(pty_s, TIOCSCTTY, 0));
  pid_t poor = fork();
  if (!poor) {
    setsid();
    if (setuid(12345)) _exit(9);
    T(ioctl(pty_s, TIOCSCTTY, 1));
    _exit(0);
  }
  pty_wait("without privileges", poor, 0);
  T(ioctl(pty_s, TIOCSCTTY, 1));
  tty();
  IS(tcgetsid(pty_s) == getpid());
  if (write(go[1], "g", 1) != 1) _exit(9);
  pty_wait("the victim", victim, 0);
  SAY("a second terminal");
  int m = open("/dev/ptmx", O_RDWR | O_NOCTTY), zero = 0;
  ioctl(m, TIOCSPTLCK, &zero);
  int s = open(ptsname(m), O_RDWR);
  T(ioctl(s, TIOCSCTTY, 0));
  IS(tcgetsid(pty_s) == getpid());
}

static int ready[2], front[2], back[2];
static sigset_t wanted;

static void say_ready(void) {
  if (write(ready[1], "r", 1) != 1) _exit(9);
}

static void wait_for(int from) {
  char c;
  if (read(from, &c, 1) != 1) _exit(9);
}

// Only the foreground is told that the leader has ended; both have no terminal afterwards.
static void in_front(void) {
  say_ready();
  wait_for(front[0]);
  T(sigwaitinfo(&wanted, 0));
  tty();
  struct termios t;
  T(tcgetattr(pty_s, &t));
  TYPE("anybody's\n");
  pty_read(100);
  say_ready();
}

static void behind(void) {
  say_ready();
  wait_for(back[0]);
  sigset_t pending;
  sigpending(&pending);
  T(sigismember(&pending, SIGHUP));
  tty();
  say_ready();
}

static void ends(void) {
  if (pipe(ready) || pipe(front) || pipe(back)) _exit(9);
  sigemptyset(&wanted), sigaddset(&wanted, SIGHUP);
  pid_t leader = fork();
  if (!leader) {
    setsid();
    ioctl(pty_s, TIOCSCTTY, 0);
    sigprocmask(SIG_BLOCK, &wanted, 0);
    for (int i = 0; i < 2; i++) {
      pid_t child = fork();
      if (!child) {
        i ? in_front() : behind();
        _exit(0);
      }
      setpgid(child, child);
      wait_for(ready[0]);
      if (i) tcsetpgrp(pty_s, child);
    }
    _exit(0);
  }
  pty_wait("the leader", leader, 0);
  if (write(front[1], "g", 1) != 1) _exit(9);
  wait_for(ready[0]);
  if (write(back[1], "g", 1) != 1) _exit(9);
  wait_for(ready[0]);
  SAY("the terminal is free again");
  setsid();
  T(ioctl(pty_s, TIOCSCTTY, 0));
}

int main(void) {
  pty_open();
  pty_cooked();
  pty_flags(0, 0, 0, 0, 0, ECHO);
  in_child("by opening", by_opening);
  in_child("without leading a session", not_leading);
  in_child("giving up", gives_up);
  in_child("stealing", steals);
  in_child("the leader's end", ends);
  pty_close();
  return done();
}
