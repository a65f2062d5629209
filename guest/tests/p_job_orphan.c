// A group that nobody can let go on any more: SIGHUP and SIGCONT if it is stopped, nothing if it is not, and no stopping by the terminal's signals.
//: cpus 1 4
#include "../include/pty.h"

static int told[2];
static void handler(int signal) {
  char c = signal == SIGHUP ? 'H' : signal == SIGCONT ? 'C' : '?';
  if (write(told[1], &c, 1) != 1) _exit(9);
}

// A child in a group of its own, whose parent, in the same session, ends after `before` has been done to it.
static void orphan(bool stops, bool own_session) {
  pid_t parent = fork();
  if (!parent) {
    if (own_session) setsid();
    pid_t before = getpid();
    pid_t child = fork();
    if (!child) {
      setpgid(0, 0);
      struct sigaction a = {0};
      a.sa_handler = handler;
      sigaction(SIGHUP, &a, 0), sigaction(SIGCONT, &a, 0);
      if (stops) raise(SIGTSTP);
      while (getppid() == before) usleep(1000);
      usleep(20000);
      handler(0);
      // A stop of the terminal's does nothing now; the other one stops.
      raise(SIGTSTP);
      raise(SIGTTIN);
      raise(SIGTTOU);
      handler(0);
      _exit(0);
    }
    setpgid(child, child);
    if (stops) {
      int status = 0;
      waitpid(child, &status, WUNTRACED);
      SAY("the child stopped: %d", WIFSTOPPED(status));
    }
    _exit(0);
  }
  pty_wait("the parent", parent, 0);
  char c, seen[8] = {0};
  size_t n = 0;
  int marks = 0;
  while (marks < 2 && read(told[0], &c, 1) == 1 && n < sizeof seen - 1) {
    seen[n++] = c;
    marks += c == '?';
  }
  // Which of the two signals is handled first is the kernel's business.
  if (seen[0] == 'C' && seen[1] == 'H') seen[0] = 'H', seen[1] = 'C';
  SAY("told: %s", seen);
}

int main(void) {
  if (pipe(told)) return 1;
  SAY("not stopped");
  orphan(false, true);
  SAY("stopped");
  orphan(true, true);
  SAY("in the session that everything began in");
  orphan(false, false);
  orphan(true, false);
  SAY("a group that its own last way out leaves");
  pid_t leader = fork();
  if (!leader) {
    setsid();
    pid_t middle = fork();
    if (!middle) {
      // In the same group as the stopped one, with a parent outside: as long as it lives, the group is not orphaned.
      setpgid(0, 0);
      pid_t stopped = fork();
      if (!stopped) {
        struct sigaction a = {0};
        a.sa_handler = handler;
        sigaction(SIGHUP, &a, 0), sigaction(SIGCONT, &a, 0);
        raise(SIGTSTP);
        handler(0);
        handler(0);
        _exit(0);
      }
      int status;
      waitpid(stopped, &status, WUNTRACED);
      SAY("stopped: %d", WIFSTOPPED(status));
      _exit(0);
    }
    pty_wait("the middle", middle, 0);
    char c, seen[8] = {0};
    for (size_t n = 0, marks = 0; marks < 2 && read(told[0], &c, 1) == 1 && n < sizeof seen - 1;) seen[n++] = c, marks += c == '?';
    if (seen[0] == 'C' && seen[1] == 'H') seen[0] = 'H', seen[1] = 'C';
    SAY("told: %s", seen);
    _exit(0);
  }
  pty_wait("the leader", leader, 0);
  return done();
}
