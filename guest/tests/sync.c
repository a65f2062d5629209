// The calls that write things back exist and tell good descriptors from bad ones.
#include "../include/t.h"

int main(void) {
  int fd = open("f", O_RDWR | O_CREAT, 0644), ro = open("f", O_RDONLY), dir = open(".", O_RDONLY), p[2];
  T(pipe(p));
  T(write(fd, "x", 1));
  T(fsync(fd));
  T(fdatasync(fd));
  T(fsync(ro));
  T(fsync(dir));
  T(fsync(p[0]));
  T(fsync(99));
  T(syncfs(fd));
  T(syncfs(99));
  T(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
  T(sync_file_range(fd, 0, 0, 0x100));
  T(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
  T(posix_fadvise(fd, 0, 0, 99));
  T(posix_fadvise(p[0], 0, 0, POSIX_FADV_NORMAL));
  T(posix_fadvise(99, 0, 0, POSIX_FADV_NORMAL));
  T(readahead(fd, 0, 4096));
  sync();
  return done();
}
