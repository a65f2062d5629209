// Times can be set, omitted, set to now, on links and descriptors; reading and writing move the right ones.
#include "../include/t.h"
#include <sys/time.h>

static struct stat st;

static void times(const char *path) {
  lstat(path, &st);
  SAY("%s: %ld.%09ld %ld.%09ld", path, st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

int main(void) {
  put("f", "x");
  struct timespec t[2] = {{1000, 1}, {2000, 999999999}};
  T(utimensat(AT_FDCWD, "f", t, 0));
  times("f");
  t[0].tv_nsec = UTIME_OMIT, t[1] = (struct timespec){3000, 0};
  T(utimensat(AT_FDCWD, "f", t, 0));
  times("f");
  t[0].tv_nsec = UTIME_NOW, t[1].tv_nsec = UTIME_OMIT;
  T(utimensat(AT_FDCWD, "f", t, 0));
  lstat("f", &st);
  IS(st.st_atime > 1000000 && st.st_mtime == 3000);
  t[0] = t[1] = (struct timespec){5, 1000000000};
  T(utimensat(AT_FDCWD, "f", t, 0));
  t[0] = t[1] = (struct timespec){5, 5};
  T(symlink("f", "l"));
  T(utimensat(AT_FDCWD, "l", t, AT_SYMLINK_NOFOLLOW));
  times("l");
  int fd = open("f", O_RDWR);
  T(futimens(fd, t));
  times("f");
  T(utimensat(fd, "", t, AT_EMPTY_PATH));
  T(write(fd, "y", 1));
  lstat("f", &st);
  IS(st.st_mtime > 1000000 && st.st_ctime > 1000000 && st.st_atime == 5);
  T(utimensat(AT_FDCWD, "none", t, 0));
  T(utimensat(AT_FDCWD, "f", t, 0x1));
  T(futimens(99, t));
  T(utimensat(AT_FDCWD, "f", 0, 0));
  struct timeval v[2] = {{10, 20}, {30, 40}};
  T(utimes("f", v));
  times("f");
  T(mkdir("d", 0755));
  T(utimensat(AT_FDCWD, "d", t, 0));
  put("d/new", "");
  lstat("d", &st);
  IS(st.st_mtime > 1000000);
  return done();
}
