// The foreground and the background of a terminal: who may read, write and change it, who is stopped, and who is told EIO.
//: cpus 1 4
#include "../include/pty.h"

static int done_pipe[2];

// Runs `what` in a group of its own, in the background unless `front`; shows what becomes of it, letting it go on in the foreground when it stops.
static void job(const char *name, void (*what)(void), bool front) {
  SAY("%s", name);
  pid_t child = fork();
  if (!child) {
    setpgid(0, 0);
    char c;
    if (read(done_pipe[0], &c, 1) != 1) _exit(9);
    what();
    _exit(0);
  }
  setpgid(child, child);
  if (front) tcsetpgrp(pty_s, child);
  if (write(done_pipe[1], "g", 1) != 1) SAY("no pipe");
  int status;
  while (waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status)) {
    SAY("stopped by %d", WSTOPSIG(status));
    tcsetpgrp(pty_s, child);
    kill(-child, SIGCONT);
  }
  SAY("ended: %d", status);
  signal(SIGTTOU, SIG_IGN);
  tcsetpgrp(pty_s, getpgrp());
  signal(SIGTTOU, SIG_DFL);
}

static void reads(void) { pty_read(100); }
static void reads_ignoring(void) { signal(SIGTTIN, SIG_IGN); pty_read(100); }
static void reads_blocking(void) {
  sigset_t s;
  sigemptyset(&s), sigaddset(&s, SIGTTIN);
  sigprocmask(SIG_BLOCK, &s, 0);
  pty_read(100);
}
static int caught;
static void handler(int signal) { caught = signal; tcsetpgrp(pty_s, getppid()); }
static void reads_catching(void) {
  struct sigaction a = {0};
  a.sa_handler = handler;
  sigaction(SIGTTIN, &a, 0);
  signal(SIGTTOU, SIG_IGN);
  pty_read(100);
  SAY("caught %d", caught);
}
static void writes(void) { T(write(pty_s, "w", 1)); }
static void writes_ignoring(void) { signal(SIGTTOU, SIG_IGN); T(write(pty_s, "i", 1)); }
static void sets_same(void) { struct termios t = pty_get(); T(tcsetattr(pty_s, TCSANOW, &t)); }
static void flushes(void) { T(tcflush(pty_s, TCOFLUSH)); }
static void flows(void) { T(tcflow(pty_s, TCOON)); }
static void drains(void) { T(tcdrain(pty_s)); }
static void takes(void) { T(tcsetpgrp(pty_s, getpgrp())); }
static void takes_ignoring(void) { signal(SIGTTOU, SIG_IGN); T(tcsetpgrp(pty_s, getpgrp())); }
static void sizes(void) { struct winsize w = {5, 6, 0, 0}; T(ioctl(pty_s, TIOCSWINSZ, &w)); T(ioctl(pty_s, TIOCGWINSZ, &w)); }
static void through_master(void) { pid_t g = 0; T(ioctl(pty_m, TIOCGPGRP, &g)); IS(g == getppid()); T(write(pty_m, "m", 1)); }

static void leader(void) {
  setsid();
  signal(SIGHUP, SIG_IGN);
  T(ioctl(pty_s, TIOCSCTTY, 0));
  IS(tcgetpgrp(pty_s) == getpid() && tcgetsid(pty_s) == getpid());
  job("a reader in the foreground", (TYPE("line\n"), reads), true);
  TYPE("for the background\n");
  job("a reader in the background", reads, false);
  job("one that ignores SIGTTIN", reads_ignoring, false);
  job("one that blocks it", reads_blocking, false);
  TYPE("caught\n");
  job("one that catches it, and takes the terminal for the leader", reads_catching, false);
  job("a writer in the background", writes, false);
  pty_flags(0, 0, 0, OPOST, TOSTOP, ECHO);
  job("a writer with TOSTOP", writes, false);
  job("one that ignores SIGTTOU", writes_ignoring, false);
  job("changing settings", sets_same, false);
  job("flushing", flushes, false);
  job("starting output", flows, false);
  job("draining", drains, false);
  job("taking the terminal", takes, false);
  job("taking it with SIGTTOU ignored", takes_ignoring, false);
  job("changing the size", sizes, false);
  job("through the master", through_master, false);
  SAY("refused groups");
  pid_t g;
  T(tcsetpgrp(pty_s, 1 << 30));
  g = -1;
  T(ioctl(pty_s, TIOCSPGRP, &g));
  g = 0;
  T(ioctl(pty_s, TIOCSPGRP, &g));
  T(ioctl(pty_s, TIOCSPGRP, 8));
  T(tcsetpgrp(pty_s, getppid()));
  IS(tcgetpgrp(pty_s) == getpid());
  SAY("an orphaned group");
  int begin[2], end[2];
  if (pipe(begin) || pipe(end)) return;
  pid_t middle = fork();
  if (!middle) {
    pid_t orphan = fork();
    if (!orphan) {
      setpgid(0, 0);
      pid_t parent = getppid();
      kill(parent, SIGKILL);
      char go;
      if (read(begin[0], &go, 1) != 1 || getppid() == parent) _exit(2);
      pty_read(10);
      T(tcsetpgrp(pty_s, getpgrp()));
      T(write(pty_s, "o", 1));
      struct termios t;
      T(tcgetattr(pty_s, &t));
      T(tcsetattr(pty_s, TCSANOW, &t));
      _exit(write(end[1], "e", 1) != 1);
    }
    for (;;) pause();
  }
  pty_wait("between", middle, 0);
  // Its orphan has another parent now.
  char c = 'b';
  if (write(begin[1], &c, 1) != 1) return;
  T(read(end[0], &c, 1));
}

int main(void) {
  if (pipe(done_pipe)) return 1;
  pty_open();
  pty_cooked();
  pty_flags(0, 0, 0, 0, 0, ECHO);
  SAY("somebody else's terminal");
  pid_t g;
  T(ioctl(pty_s, TIOCGPGRP, &g));
  T(ioctl(pty_s, TIOCGSID, &g));
  g = getpgrp();
  T(ioctl(pty_s, TIOCSPGRP, &g));
  T(ioctl(pty_s, TIOCNOTTY));
  T(ioctl(pty_m, TIOCGSID, &g));
  T(ioctl(pty_m, TIOCGPGRP, &g));
  T(g);
  pid_t child = fork();
  if (!child) {
    leader();
    _exit(t_failed);
  }
  pty_wait("the leader", child, 0);
  pty_close();
  return done();
}
