// sendfile and copy_file_range copy within the kernel, with and without positions.
#include "../include/t.h"
#include <sys/sendfile.h>

int main(void) {
  char b[100] = {0};
  put("a", "0123456789");
  int a = open("a", O_RDONLY), c = open("c", O_RDWR | O_CREAT, 0644), p[2];
  off_t at = 3;
  T(sendfile(c, a, &at, 4));
  T(at);
  T(lseek(a, 0, SEEK_CUR));
  T(sendfile(c, a, 0, 100));
  T(lseek(a, 0, SEEK_CUR));
  T(sendfile(c, a, 0, 100));
  show("c");
  T(pipe(p));
  at = 8;
  T(sendfile(p[1], a, &at, 10));
  T(read(p[0], b, 10));
  SAY("%s", b);
  T(sendfile(c, p[0], 0, 1));
  T(sendfile(a, c, 0, 1));
  T(sendfile(c, 99, 0, 1));
  at = -1;
  T(sendfile(c, a, &at, 1));
  int d = open("d", O_RDWR | O_CREAT, 0644);
  off_t in = 2, out = 5;
  T(copy_file_range(a, &in, d, &out, 3, 0));
  T(in);
  T(out);
  T(pread(d, b, 20, 0));
  IS(memcmp(b, "\0\0\0\0\000234", 8) == 0);
  T(lseek(a, 0, SEEK_SET));
  T(copy_file_range(a, 0, d, 0, 100, 0));
  T(copy_file_range(a, 0, d, 0, 100, 0));
  T(copy_file_range(a, 0, d, 0, 1, 1));
  T(copy_file_range(d, 0, a, 0, 1, 0));
  in = 0, out = 2;
  T(copy_file_range(d, &in, d, &out, 5, 0));
  T(copy_file_range(p[0], 0, d, 0, 1, 0));
  return done();
}
