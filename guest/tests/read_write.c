// read, write and their positioned and vectored forms: lengths, positions, end of file, holes.
#include "../include/t.h"

int main(void) {
  char b[64] = {0};
  int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
  T(write(fd, "hello world", 11));
  T(read(fd, b, 10));
  T(lseek(fd, 0, SEEK_SET));
  T(read(fd, b, 5));
  T(read(fd, b + 5, 50));
  T(read(fd, b, 50));
  SAY("%s", b);
  T(pwrite(fd, "WORLD", 5, 6));
  T(pread(fd, b, 64, 3));
  SAY("%.8s", b);
  T(lseek(fd, 0, SEEK_CUR));
  T(pwrite(fd, "far", 3, 100));
  T(lseek(fd, 0, SEEK_END));
  memset(b, 'x', sizeof b);
  T(pread(fd, b, 64, 50));
  int sum = 0;
  for (int i = 0; i < 50; i++) sum += b[i];
  SAY("%d %.3s", sum, b + 50);
  T(pread(fd, b, 1, -1));
  T(pwrite(fd, b, 1, -1));
  T(pread(fd, b, 10, 1l << 62));
  T(write(fd, b, 0));
  T(read(fd, 0, 0));
  T(read(99, b, 1));
  T(write(99, b, 1));
  struct iovec out[3] = {{"one ", 4}, {"", 0}, {"two", 3}};
  T(lseek(fd, 0, SEEK_SET));
  T(writev(fd, out, 3));
  T(pwritev(fd, out, 3, 50));
  char c[4], d[20] = {0};
  struct iovec in[2] = {{c, 4}, {d, 7}};
  T(lseek(fd, 0, SEEK_SET));
  T(readv(fd, in, 2));
  SAY("%.4s|%s", c, d);
  T(preadv(fd, in, 2, 50));
  SAY("%.4s|%.3s", c, d);
  T(preadv2(fd, in, 2, -1, 0));
  T(lseek(fd, 0, SEEK_CUR));
  T(preadv2(fd, in, 2, 0, 0x8000));
  T(pwritev2(fd, out, 3, 0, RWF_APPEND));
  T(lseek(fd, 0, SEEK_END));
  T(readv(fd, in, -1));
  T(readv(fd, in, 1025));
  T(readv(fd, 0, 0));
  in[0].iov_len = -1;
  T(readv(fd, in, 1));
  T(readv(fd, (struct iovec *)8, 1));
  return done();
}
