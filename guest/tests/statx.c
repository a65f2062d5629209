// statx fills what it says in its mask, works on descriptors, and refuses unknown flags.
#include "../include/t.h"

int main(void) {
  struct statx x;
  put("f", "12345");
  T(chmod("f", 0600));
  T(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &x));
  IS((x.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
  T(x.stx_mode);
  T(x.stx_size);
  T(x.stx_nlink);
  IS(x.stx_uid == geteuid());
  IS(x.stx_mtime.tv_sec > 1000000000 && x.stx_mtime.tv_nsec < 1000000000);
  int fd = open("f", O_RDONLY);
  T(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &x));
  T(x.stx_size);
  T(statx(fd, "", 0, STATX_SIZE, &x));
  T(statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_ALL, &x));
  T(statx(AT_FDCWD, "f", AT_STATX_SYNC_TYPE, STATX_ALL, &x));
  T(statx(AT_FDCWD, "f", 0x1, STATX_ALL, &x));
  T(statx(AT_FDCWD, "f", 0, 0x80000000, &x));
  T(statx(AT_FDCWD, "none", 0, STATX_ALL, &x));
  T(symlink("f", "l"));
  T(statx(AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW, STATX_TYPE, &x));
  T(x.stx_mode & S_IFMT);
  T(syscall(SYS_statx, AT_FDCWD, "f", 0, STATX_ALL, (void *)8));
  T(syscall(SYS_statx, AT_FDCWD, (void *)8, 0, STATX_ALL, &x));
  return done();
}
