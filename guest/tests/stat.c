// stat, lstat, fstat and fstatat agree and fill every field sensibly.
#include "../include/t.h"
#include <sys/sysmacros.h>

int main(void) {
  struct stat a, b;
  time_t before = time(0);
  put("f", "12345");
  T(chmod("f", 0642));
  T(stat("f", &a));
  int fd = open("f", O_RDONLY);
  T(fstat(fd, &b));
  IS(a.st_ino == b.st_ino && a.st_dev == b.st_dev && a.st_ino != 0);
  T(a.st_mode);
  T(a.st_nlink);
  T(a.st_size);
  T(a.st_blksize);
  T(a.st_blocks);
  IS(a.st_uid == geteuid() && a.st_gid == getegid());
  IS(a.st_mtime >= before - 1 && a.st_mtime <= time(0) && a.st_ctime >= before - 1 && a.st_atime >= before - 1);
  T(symlink("f", "l"));
  T(lstat("l", &b));
  T(b.st_mode);
  T(stat("l", &b));
  IS(b.st_ino == a.st_ino);
  T(stat("/dev/null", &b));
  T(b.st_mode & S_IFMT);
  SAY("%d:%d", major(b.st_rdev), minor(b.st_rdev));
  T(stat("none", &b));
  T(stat("f/x", &b));
  T(stat("", &b));
  T(fstat(99, &b));
  T(stat("f", (void *)8));
  T(stat((void *)8, &b));
  int p[2];
  T(pipe(p));
  T(fstat(p[0], &b));
  T(b.st_mode);
  T(b.st_size);
  T(stat("/", &b));
  T(S_ISDIR(b.st_mode));
  T(stat("/proc/self/exe", &b));
  T(S_ISREG(b.st_mode));
  T(lstat("/proc/self/exe", &b));
  T(S_ISLNK(b.st_mode));
  return done();
}
