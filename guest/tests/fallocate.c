// fallocate reserves, keeps the size, punches holes and zeroes, and refuses what Linux refuses.
#include "../include/t.h"

int main(void) {
  struct stat st;
  int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644), ro = open("f", O_RDONLY);
  T(fallocate(fd, 0, 0, 10000));
  T(fstat(fd, &st));
  T(st.st_size);
  T(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 50000));
  T(fstat(fd, &st));
  T(st.st_size);
  char *bytes = malloc(10000);
  memset(bytes, 'x', 10000);
  T(pwrite(fd, bytes, 10000, 0));
  T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 5000));
  T(pread(fd, bytes, 10000, 0));
  int zeros = 0;
  for (int i = 0; i < 10000; i++) zeros += bytes[i] == 0;
  T(zeros);
  IS(bytes[99] == 'x' && bytes[100] == 0 && bytes[5099] == 0 && bytes[5100] == 'x');
  T(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 100));
  T(fallocate(fd, 0, -1, 100));
  T(fallocate(fd, 0, 0, 0));
  T(fallocate(fd, 0, 0, -5));
  T(fallocate(fd, 0, 0x7fffffffffffffff, 1));
  T(fallocate(fd, 0x4000, 0, 1));
  T(fallocate(ro, 0, 0, 100));
  T(fallocate(99, 0, 0, 100));
  int p[2];
  T(pipe(p));
  T(fallocate(p[1], 0, 0, 100));
  int dir = open(".", O_RDONLY);
  T(fallocate(dir, 0, 0, 100));
  E(posix_fallocate(fd, 0, 20000));
  T(fstat(fd, &st));
  T(st.st_size);
  return done();
}
