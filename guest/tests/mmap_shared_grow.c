// A shared mapping longer than its file becomes usable where the file grows.
#include "../include/t.h"

int main(void) {
  int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
  char *p = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  T(ftruncate(fd, 3 * 4096));
  strcpy(p + 2 * 4096, "grown");
  char back[8] = {0};
  T(pread(fd, back, 6, 2 * 4096));
  SAY("%s", back);
  T(lseek(fd, 0, SEEK_END));
  T(ftruncate(fd, 0));
  T(ftruncate(fd, 3 * 4096));
  IS(p[2 * 4096] == 0);
  return done();
}
