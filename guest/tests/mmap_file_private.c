// A private file mapping shows the file, keeps its own writes, and is zero after the end of the file within the last page.
#include "../include/t.h"

int main(void) {
  int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
  char bytes[6000];
  for (int i = 0; i < 6000; i++) bytes[i] = 'a' + i % 26;
  T(write(fd, bytes, 6000));
  char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  IS(memcmp(p, bytes, 6000) == 0);
  int sum = 0;
  for (int i = 6000; i < 8192; i++) sum |= p[i];
  IS(sum == 0);
  p[10] = 'X', p[5000] = 'Y', p[7000] = 'Z';
  char back[6000];
  T(pread(fd, back, 6000, 0));
  IS(memcmp(back, bytes, 6000) == 0);
  T(pwrite(fd, "###", 3, 4090));
  IS(p[10] == 'X' && p[5000] == 'Y');
  char *q = mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 4096);
  IS(q[0] == bytes[4096] && q[5000 - 4096] == bytes[5000]);
  T(close(fd));
  IS(p[5999] == bytes[5999]);
  T(unlink("f"));
  IS(p[5998] == bytes[5998]);
  return done();
}
