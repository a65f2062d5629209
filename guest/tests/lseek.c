// lseek: every origin, the end of what is allowed, data and holes, and descriptors that cannot seek.
#include "../include/t.h"

int main(void) {
  int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
  T(lseek(fd, 10, SEEK_SET));
  T(lseek(fd, 5, SEEK_CUR));
  T(lseek(fd, -20, SEEK_CUR));
  T(lseek(fd, -1, SEEK_SET));
  T(lseek(fd, 0, SEEK_END));
  T(lseek(fd, 0, 9));
  T(lseek(fd, 0x7fffffffffffffff, SEEK_SET));
  T(lseek(fd, 1, SEEK_CUR));
  T(lseek(fd, 0, SEEK_DATA));
  T(ftruncate(fd, 3 * 65536));
  T(pwrite(fd, "data", 4, 65536));
  T(lseek(fd, 0, SEEK_DATA));
  T(lseek(fd, 65537, SEEK_DATA));
  T(lseek(fd, 0, SEEK_HOLE));
  T(lseek(fd, 65536, SEEK_HOLE));
  T(lseek(fd, 65536 + 4096, SEEK_DATA));
  T(lseek(fd, 3 * 65536, SEEK_HOLE));
  T(lseek(fd, 3 * 65536 - 1, SEEK_HOLE));
  int p[2];
  T(pipe(p));
  T(lseek(p[0], 0, SEEK_SET));
  T(pread(p[0], &(char){0}, 1, 0));
  T(lseek(99, 0, SEEK_SET));
  int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR);
  T(lseek(null, 100, SEEK_SET));
  T(lseek(zero, 100, SEEK_END));
  return done();
}
