// A moved and grown file mapping still shows the right part of the file.
#include "../include/t.h"

int main(void) {
  int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
  T(ftruncate(fd, 6 * 4096));
  for (int i = 0; i < 6; i++) pwrite(fd, "0\0001\0002\0003\0004\0005" + 2 * i, 2, i * 4096);
  char *p = mmap(0, 2 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 2 * 4096);
  SAY("%s %s", p, p + 4096);
  mmap(p + 2 * 4096, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  p = mremap(p, 2 * 4096, 4 * 4096, MREMAP_MAYMOVE);
  SAY("%s %s %s %s", p, p + 4096, p + 2 * 4096, p + 3 * 4096);
  p[3 * 4096] = 'x';
  char c;
  T(pread(fd, &c, 1, 5 * 4096));
  SAY("%c", c);
  return done();
}
