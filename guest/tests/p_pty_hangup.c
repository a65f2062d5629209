// The end of either side: what the other reads, writes and polls, the signals that a session gets, and opening the terminal again.
//: cpus 1 4
#include "../include/pty.h"

static void handler(int signal) { (void)signal; }

// A child that leads a session with the terminal as its own, and a group in the foreground.
static void session(void) {
  int to_parent[2], go[2];
  char c;
  if (pipe(to_parent) || pipe(go)) return;
  pid_t leader = fork();
  if (!leader) {
    close(pty_m);
    setsid();
    ioctl(pty_s, TIOCSCTTY, 0);
    struct sigaction a = {0};
    a.sa_handler = handler;
    sigaction(SIGHUP, &a, 0);
    sigset_t wanted;
    sigemptyset(&wanted), sigaddset(&wanted, SIGHUP), sigaddset(&wanted, SIGCONT), sigaddset(&wanted, SIGUSR1);
    sigprocmask(SIG_BLOCK, &wanted, 0);
    pid_t job = fork();
    if (!job) {
      setpgid(0, 0);
      signal(SIGHUP, SIG_DFL);
      sigprocmask(SIG_UNBLOCK, &wanted, 0);
      for (;;) pause();
    }
    setpgid(job, job);
    tcsetpgrp(pty_s, job);
    if (write(to_parent[1], "r", 1) != 1) _exit(9);
    siginfo_t info;
    int first = sigwaitinfo(&wanted, &info), code = info.si_code;
    int second = sigwaitinfo(&wanted, &info);
    SAY("the leader gets %d and %d, from the kernel: %d", first, second, code == SI_KERNEL && info.si_code == SI_KERNEL);
    T(open("/dev/tty", O_RDWR));
    pid_t pgrp = 0;
    T(ioctl(pty_s, TIOCGPGRP, &pgrp));
    T(read(pty_s, &c, 1));
    SAY("the job lives until the leader ends: %d", kill(job, 0));
    if (write(to_parent[1], &job, sizeof job) != sizeof job) _exit(9);
    _exit(0);
  }
  close(to_parent[1]);
  T(read(to_parent[0], &c, 1));
  close(pty_m);
  pid_t job = 0;
  T(read(to_parent[0], &job, sizeof job));
  pty_wait("the leader", leader, 0);
  // The job is not this process's child: it is gone when it has no more number, or is somebody's zombie.
  for (int i = 0; i < 1000; i++) {
    char path[64], text[200] = {0};
    snprintf(path, sizeof path, "/proc/%d/stat", job);
    int fd = open(path, O_RDONLY);
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0 || strstr(text, ") Z") || strstr(text, ") X")) { SAY("the job is gone"); return; }
    close(fd);
    usleep(10000);
  }
  SAY("the job lives on");
}

int main(void) {
  char c;
  pty_open();
  pty_cooked();
  SAY("the terminal is closed");
  T(write(pty_s, "left", 4));
  T(close(pty_s));
  SAY("%x", pty_ready(pty_m, 0));
  pty_master(4);
  SAY("%x", pty_ready(pty_m, 0));
  T(read(pty_m, &c, 1));
  T(write(pty_m, "typed\n", 6));
  SAY("and opened again");
  T((pty_s = open(pty_name, O_RDWR | O_NOCTTY)) >= 0);
  pty_read(100);
  pty_master(7);
  fcntl(pty_m, F_SETFL, O_NONBLOCK);
  T(read(pty_m, &c, 1));
  SAY("%x", pty_ready(pty_m, 0));
  fcntl(pty_m, F_SETFL, 0);
  SAY("a reader of the master that waits");
  pid_t child = fork();
  if (!child) {
    close(pty_s);
    long n = read(pty_m, &c, 1);
    _exit(n == -1 && errno == EIO ? 5 : 6);
  }
  until_asleep(child);
  close(pty_s);
  pty_wait("it", child, 0);
  T((pty_s = open(pty_name, O_RDWR | O_NOCTTY)) >= 0);
  SAY("the master is closed while somebody reads the terminal");
  child = fork();
  if (!child) {
    close(pty_m);
    struct pollfd p = {pty_s, POLLIN, 0};
    while (poll(&p, 1, -1) == 1 && !(p.revents & POLLERR)) {}
    SAY("%x", p.revents);
    T(read(pty_s, &c, 1));
    T(write(pty_s, "x", 1));
    SAY("%x", pty_ready(pty_s, 0));
    struct termios t;
    T(tcgetattr(pty_s, &t));
    T(tcsetpgrp(pty_s, 1));
    T(ioctl(pty_s, TIOCNOTTY));
    T(isatty(pty_s));
    char link[64] = {0}, path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", pty_s);
    OK(readlink(path, link, sizeof link - 1));
    IS(!strncmp(link, pty_name, strlen(pty_name)) && !strcmp(link + strlen(pty_name), " (deleted)"));
    T(open(pty_name, O_RDWR | O_NOCTTY));
    T(close(pty_s));
    _exit(0);
  }
  until_asleep(child);
  pty_close();
  pty_wait("it", child, 0);
  pty_open();
  child = fork();
  if (!child) {
    close(pty_m);
    long n = read(pty_s, &c, 1);
    SAY("a read that waits: %ld %s", n, t_error(errno));
    T(read(pty_s, &c, 1));
    _exit(0);
  }
  until_asleep(child);
  pty_close();
  pty_wait("it", child, 0);
  SAY("a session loses its terminal");
  pty_open();
  session();
  close(pty_s);
  return done();
}
