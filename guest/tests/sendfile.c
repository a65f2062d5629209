// sendfile and copy_file_range copy within the kernel, with and without positions.
#include "../include/t.h"
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

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
  // What finds no room is still to be read.
  static char fill[65536];
  T(lseek(a, 2, SEEK_SET));
  T(fcntl(p[1], F_SETFL, O_NONBLOCK));
  T(write(p[1], fill, sizeof fill));
  T(sendfile(p[1], a, 0, 5));
  T(lseek(a, 0, SEEK_CUR));
  signal(SIGPIPE, SIG_IGN);
  T(close(p[0]));
  T(sendfile(p[1], a, 0, 5));
  T(lseek(a, 0, SEEK_CUR));
  int s[2];
  T(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
  while (write(s[0], fill, sizeof fill) > 0) {
  }
  T(sendfile(s[0], a, 0, 5));
  T(lseek(a, 0, SEEK_CUR));
  return done();
}
