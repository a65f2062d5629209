// A file without a name lives while it is open: readable, writable, growing; its link count is zero.
#include "../include/t.h"

int main(void) {
  struct stat st;
  char b[20] = {0};
  int fd = open("f", O_RDWR | O_CREAT, 0644);
  T(write(fd, "still here", 10));
  T(unlink("f"));
  T(access("f", F_OK));
  T(fstat(fd, &st));
  T(st.st_nlink);
  T(pread(fd, b, 20, 0));
  SAY("%s", b);
  T(pwrite(fd, "more", 4, 10));
  T(lseek(fd, 0, SEEK_END));
  int other = open("f", O_RDWR | O_CREAT | O_EXCL, 0644);
  IS(other > fd);
  T(pread(other, b, 20, 0));
  char path[40], target[300] = {0};
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  T(readlink(path, target, 299) > 0);
  IS(strlen(target) > 12 && strcmp(target + strlen(target) - 12, "/f (deleted)") == 0);
  int again = open(path, O_RDONLY);
  IS(again >= 0);
  T(pread(again, b, 20, 0));
  T(linkat(AT_FDCWD, path, AT_FDCWD, "back", AT_SYMLINK_FOLLOW));
  return done();
}
