// The kernel answers EFAULT, not death, when a buffer runs into a guard page, and moves what came before it.
#include "../include/t.h"

int main(void) {
  char *p = mmap(0, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  T(mprotect(p + 4096, 4096, PROT_NONE));
  int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
  int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
  memset(p, 'x', 4096);
  T(write(fd, p + 4000, 200));
  T(lseek(fd, 0, SEEK_END));
  T(write(fd, p + 4096, 10));
  T(pwrite(fd, p, 4096, 0));
  T(pread(fd, p + 4000, 96, 0));
  T(pread(fd, p + 4096, 10, 0));
  T(read(zero, p + 4096, 10));
  T(write(null, p + 4096, 10));
  struct iovec v[2] = {{p, 10}, {p + 4096, 10}};
  T(pwritev(fd, v, 2, 0));
  T(open(p + 4096, O_RDONLY));
  strcpy(p + 4096 - 4, "/te");
  p[4095] = 'x';
  T(open(p + 4096 - 4, O_RDONLY));
  strcpy(p + 4096 - 10, "/dev/null");
  OK(open(p + 4096 - 10, O_RDONLY));
  return done();
}
