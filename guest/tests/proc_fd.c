// /proc/self/fd lists the open descriptors and links to what they are.
#include "../include/t.h"
#include <dirent.h>

static void link_of(int fd) {
  char path[40], target[500];
  sprintf(path, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(path, target, sizeof target - 1);
  if (n < 0) { SAY("%d: %s", fd, t_error(errno)); return; }
  target[n] = 0;
  char *digits = strpbrk(target, "0123456789");
  if (strncmp(target, "pipe:[", 6) == 0) *digits = 0;
  char *slash = strrchr(target, '/');
  SAY("%d: %s", fd, strcmp(target, "/dev/null") == 0 || !slash ? target : slash);
}

int main(void) {
  int p[2], f = open("f", O_RDWR | O_CREAT, 0644), null = open("/dev/null", O_RDONLY);
  T(pipe(p));
  link_of(f), link_of(null), link_of(p[0]), link_of(99);
  DIR *d = opendir("/proc/self/fd");
  bool seen[64] = {0};
  for (struct dirent *e; (e = readdir(d));)
    if (e->d_name[0] != '.') {
      int n = atoi(e->d_name);
      if (n < 64) seen[n] = true;
    }
  IS(seen[f] && seen[null] && seen[p[0]] && seen[p[1]] && seen[dirfd(d)] && !seen[40]);
  closedir(d);
  char b[200] = {0}, path[40];
  T(lseek(f, 1234, SEEK_SET));
  sprintf(path, "/proc/self/fdinfo/%d", f);
  int info = open(path, O_RDONLY);
  IS(info >= 0 && read(info, b, 199) > 0);
  SAY("%.*s", (int)strcspn(b, "\n"), b);
  IS(strstr(b, "flags:\t"));
  T(write(f, "abc", 3));
  sprintf(path, "/proc/self/fd/%d", f);
  int again = open(path, O_RDONLY);
  IS(again >= 0);
  T(lseek(again, 0, SEEK_CUR));
  T(open("/proc/self/fd/99", O_RDONLY));
  T(open("/proc/self/fd/x", O_RDONLY));
  T(mkdir("/proc/x", 0755));
  T(unlink("/proc/self/fd/0"));
  return done();
}
