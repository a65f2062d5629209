// A pseudo-terminal: master and terminal find each other, the file in /dev/pts comes and goes, and both look like what they are.
#include "../include/pty.h"
#include <dirent.h>
#include <sys/sysmacros.h>

static bool listed(const char *name) {
  DIR *d = opendir("/dev/pts");
  bool found = false;
  for (struct dirent *e; d && (e = readdir(d));) found |= !strcmp(e->d_name, name);
  if (d) closedir(d);
  return found;
}

int main(void) {
  int n = -1, on = 1, off = 0, value = -1;
  char path[64], link[64] = {0}, of_fd[64];
  int m = T(open("/dev/ptmx", O_RDWR | O_NOCTTY)) >= 0 ? 3 : -1;
  T(ioctl(m, TIOCGPTN, &n));
  snprintf(path, sizeof path, "/dev/pts/%d", n);
  IS(!strcmp(path, ptsname(m)));
  IS(listed(path + 9) && listed("ptmx"));
  SAY("locked");
  T(ioctl(m, TIOCGPTLCK, &value));
  T(value);
  T(open(path, O_RDWR | O_NOCTTY));
  T(ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY));
  T(ioctl(m, TIOCSPTLCK, &off));
  T(ioctl(m, TIOCGPTLCK, &value));
  T(value);
  int s = (int)T(open(path, O_RDWR | O_NOCTTY));
  struct stat st, ms;
  T(fstat(s, &st));
  T(fstat(m, &ms));
  IS(S_ISCHR(st.st_mode) && S_ISCHR(ms.st_mode));
  IS(st.st_rdev == makedev(136, n) && ms.st_rdev == makedev(5, 2));
  IS(st.st_uid == geteuid());
  T(fchmod(s, 0642));
  T(fstat(s, &st));
  IS((st.st_mode & 07777) == 0642);
  T(fchown(s, 12, 34));
  T(stat(path, &st));
  T(st.st_uid * 100 + st.st_gid);
  T(isatty(s));
  T(isatty(m));
  IS(ttyname(s) && !strcmp(ttyname(s), path));
  snprintf(of_fd, sizeof of_fd, "/proc/self/fd/%d", s);
  OK(readlink(of_fd, link, sizeof link - 1));
  IS(!strcmp(link, path));
  snprintf(of_fd, sizeof of_fd, "/proc/self/fd/%d", m);
  memset(link, 0, sizeof link);
  OK(readlink(of_fd, link, sizeof link - 1));
  IS(!strcmp(link, "/dev/ptmx"));
  T(lseek(s, 0, SEEK_SET));
  T(ftruncate(s, 0));
  SAY("what only one of them knows");
  T(ioctl(s, TIOCGPTN, &n));
  T(ioctl(s, TIOCSPTLCK, &on));
  T(ioctl(s, TIOCPKT, &on));
  T(ioctl(s, TIOCGPTPEER, O_RDWR));
  T(ioctl(m, TIOCGPTN, 8));
  T(ioctl(m, 0x54ff, 0));
  SAY("the terminal without its path");
  int p = (int)T(ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  IS(ttyname(p) && !strcmp(ttyname(p), path));
  T(fcntl(p, F_GETFD));
  T(write(p, "x", 1));
  char c = 0;
  T(read(m, &c, 1));
  T(c);
  T(close(p));
  SAY("another pair has another number");
  int m2 = (int)T(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK)), n2 = -1;
  T(ioctl(m2, TIOCGPTN, &n2));
  IS(n2 != n);
  T(read(m2, &c, 1));
  SAY("typing before anybody has opened it");
  T(write(m2, "early", 5));
  T(close(m2));
  SAY("the number goes with the master");
  T(close(m));
  IS(!listed(path + 9));
  T(access(path, F_OK));
  T(open(path, O_RDWR | O_NOCTTY));
  T(close(s));
  return done();
}
