// What /proc tells of a process's terminal: its number, the group in the foreground, and that a process is stopped.
#include "../include/pty.h"

struct seen { char state; int ppid, pgrp, session, tty, tpgid; };

static struct seen look(pid_t pid) {
  char path[64], text[1000] = {0};
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY);
  if (fd < 0 || read(fd, text, sizeof text - 1) <= 0) SAY("no %s", path);
  close(fd);
  struct seen s = {0};
  char *end = strrchr(text, ')');
  if (!end || sscanf(end + 2, "%c %d %d %d %d %d", &s.state, &s.ppid, &s.pgrp, &s.session, &s.tty, &s.tpgid) != 6) SAY("not as expected: %s", text);
  return s;
}

static void leader(void) {
  setsid();
  struct seen s = look(getpid());
  SAY("without a terminal: %d %d", s.tty, s.tpgid);
  IS(s.pgrp == getpid() && s.session == getpid() && s.ppid == getppid());
  ioctl(pty_s, TIOCSCTTY, 0);
  struct stat st;
  fstat(pty_s, &st);
  s = look(getpid());
  IS((unsigned long)s.tty == st.st_rdev);
  IS(s.tpgid == getpid());
  unsigned number = 0;
  T(ioctl(pty_s, TIOCGDEV, &number));
  IS(number == st.st_rdev);
  pid_t job = fork();
  if (!job) {
    setpgid(0, 0);
    for (;;) pause();
  }
  setpgid(job, job);
  tcsetpgrp(pty_s, job);
  s = look(getpid());
  IS(s.tpgid == job);
  s = look(job);
  IS(s.tpgid == job && s.pgrp == job && s.session == getpid() && (unsigned long)s.tty == st.st_rdev);
  TYPE("\x1a");
  pty_wait("the job", job, WUNTRACED);
  SAY("%c", look(job).state);
  kill(job, SIGCONT);
  pty_wait("the job", job, WCONTINUED);
  while (look(job).state != 'S') usleep(1000);
  kill(job, SIGKILL);
  siginfo_t info;
  waitid(P_PID, (id_t)job, &info, WEXITED | WNOWAIT);
  s = look(job);
  SAY("%c", s.state);
  pty_wait("the job", job, 0);
  s = look(getpid());
  IS(s.tpgid == job);
  ioctl(pty_s, TIOCNOTTY);
  s = look(getpid());
  SAY("given up: %d %d", s.tty, s.tpgid);
  SAY("hanging up one's own terminal");
  ioctl(pty_s, TIOCSCTTY, 0);
  T(vhangup());
  T(read(pty_s, &number, 1));
  s = look(getpid());
  SAY("%d %d", s.tty, s.tpgid);
  T(vhangup());
}

int main(void) {
  pty_open();
  pty_cooked();
  pid_t child = fork();
  if (!child) {
    signal(SIGTTOU, SIG_IGN), signal(SIGHUP, SIG_IGN);
    leader();
    _exit(t_failed);
  }
  pty_wait("the leader", child, 0);
  pty_close();
  return done();
}
