// Truncation shortens, lengthens with zeros, forgets what was cut, and refuses what Linux refuses.
#include "../include/t.h"

int main(void) {
  struct stat st;
  put("f", "0123456789");
  T(truncate("f", 4));
  show("f");
  T(truncate("f", 10000));
  T(stat("f", &st));
  T(st.st_size);
  int fd = open("f", O_RDWR);
  char b[10];
  T(pread(fd, b, 10, 0));
  IS(memcmp(b, "0123\0\0\0\0\0\0", 10) == 0);
  T(pread(fd, b, 10, 9995));
  T(ftruncate(fd, 0));
  T(pread(fd, b, 10, 0));
  T(ftruncate(fd, -1));
  T(truncate("f", -1));
  T(truncate("none", 0));
  T(mkdir("d", 0755));
  T(truncate("d", 0));
  int ro = open("f", O_RDONLY), dir = open("d", O_RDONLY);
  T(ftruncate(ro, 0));
  T(ftruncate(dir, 0));
  T(ftruncate(99, 0));
  int p[2];
  T(pipe(p));
  T(ftruncate(p[1], 0));
  int null = open("/dev/null", O_RDWR);
  T(ftruncate(null, 0));
  return done();
}
