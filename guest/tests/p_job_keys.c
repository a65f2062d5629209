// Keys signal the foreground, all of it and nobody else; so does a change of the size. What was typed is forgotten with a signal unless NOFLSH keeps it.
//: cpus 1 4
#include "../include/pty.h"

static int ready[2];
static volatile sig_atomic_t last, code;
static void handler(int signal, siginfo_t *info, void *context) { (void)context; last = signal, code = info->si_code; }

static void catch(int signal) {
  struct sigaction a = {0};
  a.sa_sigaction = handler, a.sa_flags = SA_SIGINFO;
  sigaction(signal, &a, 0);
}

// Two processes in the foreground: both die of what is typed.
static void both(const char *key, const char *what) {
  pid_t children[2];
  for (int i = 0; i < 2; i++) {
    children[i] = fork();
    if (!children[i]) {
      setpgid(0, i ? children[0] : 0);
      if (write(ready[1], "r", 1) != 1) _exit(9);
      for (;;) pause();
    }
    setpgid(children[i], children[0]);
  }
  tcsetpgrp(pty_s, children[0]);
  char c[2];
  for (int i = 0; i < 2; i++) if (read(ready[0], c, 1) != 1) SAY("no pipe");
  pty_type_bytes(key, 1);
  SAY("%s", what);
  for (int i = 0; i < 2; i++) pty_wait(i ? "the second" : "the first", children[i], WUNTRACED);
  if (*key == 0x1a) {
    kill(-children[0], SIGCONT);
    for (int i = 0; i < 2; i++) pty_wait(i ? "the second" : "the first", children[i], WCONTINUED);
    kill(-children[0], SIGKILL);
    for (int i = 0; i < 2; i++) pty_wait(i ? "the second" : "the first", children[i], 0);
  }
  tcsetpgrp(pty_s, getpgrp());
}

static void leader(void) {
  setsid();
  signal(SIGHUP, SIG_IGN);
  ioctl(pty_s, TIOCSCTTY, 0);
  signal(SIGTTOU, SIG_IGN);
  both("\x03", "Ctrl-C");
  both("\x1c", "Ctrl-\\");
  both("\x1a", "Ctrl-Z");
  SAY("the leader, in the background meanwhile, got %d", last);
  catch(SIGINT), catch(SIGWINCH), catch(SIGQUIT);
  SAY("a reader is interrupted");
  pid_t typist = fork();
  if (!typist) {
    usleep(100000);
    TYPE("forgotten\x03");
    _exit(0);
  }
  pty_read(100);
  SAY("%d, from the kernel: %d", last, code == SI_KERNEL);
  pty_wait("the typist", typist, 0);
  TYPE("line\n");
  pty_read(100);
  SAY("NOFLSH");
  pty_flags(0, 0, 0, 0, NOFLSH, ECHO);
  last = 0;
  TYPE("kept\x03");
  while (!last) usleep(1000);
  TYPE("too\n");
  pty_read(100);
  pty_flags(0, 0, 0, 0, 0, ISIG);
  TYPE("\x03\x1c\x1a no signals\n");
  pty_read(100);
  SAY("other keys");
  struct termios t = pty_get();
  t.c_cc[VINTR] = 'q', t.c_cc[VQUIT] = 0, t.c_lflag |= ISIG;
  pty_set(t);
  last = 0;
  TYPE("\x1c\x03 plain\n");
  pty_read(100);
  T(last);
  TYPE("q");
  while (!last) usleep(1000);
  T(last);
  SAY("TIOCSIG");
  last = 0;
  T(ioctl(pty_m, TIOCSIG, SIGQUIT));
  while (!last) usleep(1000);
  T(last);
  T(ioctl(pty_m, TIOCSIG, SIGTERM));
  T(ioctl(pty_s, TIOCSIG, SIGINT));
  SAY("the size");
  struct winsize w = {24, 80, 1, 2};
  last = 0;
  T(ioctl(pty_m, TIOCSWINSZ, &w));
  while (!last) usleep(1000);
  IS(last == SIGWINCH);
  memset(&w, 0, sizeof w);
  T(ioctl(pty_s, TIOCGWINSZ, &w));
  SAY("%d %d %d %d", w.ws_row, w.ws_col, w.ws_xpixel, w.ws_ypixel);
  last = 0;
  T(ioctl(pty_s, TIOCSWINSZ, &w));
  usleep(20000);
  SAY("the same size again: %d", last);
  T(ioctl(pty_s, TIOCSWINSZ, 8));
}

int main(void) {
  if (pipe(ready)) return 1;
  pty_open();
  pty_cooked();
  pid_t child = fork();
  if (!child) {
    leader();
    _exit(t_failed);
  }
  pty_wait("the leader", child, 0);
  pty_close();
  return done();
}
