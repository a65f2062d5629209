// Packet pipes (O_DIRECT): a read gives one packet and drops what it has no room for; each packet has a page; the mode can be changed; bytes and packets go together.
#include "../include/t.h"
#include <poll.h>
#include <sys/ioctl.h>

static char b[70000];
static int left(int fd) {
  int n = -1;
  ioctl(fd, FIONREAD, &n);
  return n;
}
static int ready(int fd, short events) {
  struct pollfd p = {fd, events, 0};
  poll(&p, 1, 0);
  return p.revents;
}

int main(void) {
  int p[2];
  T(pipe2(p, O_DIRECT | O_NONBLOCK));
  SAY("%x %x", fcntl(p[0], F_GETFL) & (O_ACCMODE | O_DIRECT | O_NONBLOCK), fcntl(p[1], F_GETFL) & (O_ACCMODE | O_DIRECT | O_NONBLOCK));
  T(write(p[1], "first", 5));
  T(write(p[1], "", 0));
  T(write(p[1], "second", 6));
  T(write(p[1], "third", 5));
  T(left(p[0]));
  T(read(p[0], b, 0));
  T(read(p[0], b, 100));
  T(read(p[0], b, 3));
  SAY("%.3s", b);
  T(left(p[0]));
  T(read(p[0], b, 100));
  SAY("%.5s", b);
  T(read(p[0], b, 100));
  // A long write comes in pages.
  memset(b, 'x', sizeof b);
  T(write(p[1], b, 10000));
  T(read(p[0], b, 20000));
  T(read(p[0], b, 20000));
  T(read(p[0], b, 20000));
  T(read(p[0], b, 20000));
  // Sixteen packets fill it, however short.
  int n = 0;
  while (write(p[1], "abc", 3) == 3) n++;
  T(n);
  T(errno == EAGAIN);
  T(ready(p[1], POLLOUT));
  T(ready(p[0], POLLIN));
  T(left(p[0]));
  T(read(p[0], b, 1));
  T(ready(p[1], POLLOUT) == POLLOUT);
  T(write(p[1], b, 8192));
  T(fcntl(p[1], F_SETPIPE_SZ, 4096));
  T(fcntl(p[1], F_SETPIPE_SZ, 32 * 4096));
  n = 0;
  while (write(p[1], b, 1) == 1) n++;
  T(n);
  n = 0;
  while (read(p[0], b, 4096) > 0) n++;
  T(n);
  // Without packets again, and back.
  T(fcntl(p[1], F_SETFL, O_NONBLOCK));
  T(write(p[1], "ab", 2));
  T(write(p[1], "cd", 2));
  T(fcntl(p[1], F_SETFL, O_NONBLOCK | O_DIRECT));
  T(write(p[1], "packet", 6));
  T(fcntl(p[1], F_SETFL, O_NONBLOCK));
  T(write(p[1], "ef", 2));
  T(write(p[1], "gh", 2));
  T(left(p[0]));
  T(read(p[0], b, 3));
  T(read(p[0], b, 100));
  SAY("%.7s", b);
  T(read(p[0], b, 100));
  SAY("%.4s", b);
  T(read(p[0], b, 100));
  T(write(p[1], "plain", 5));
  T(write(p[1], "bytes", 5));
  T(read(p[0], b, 100));
  // Many bytes behind a packet.
  T(fcntl(p[1], F_SETFL, O_NONBLOCK | O_DIRECT));
  T(write(p[1], "1", 1));
  T(fcntl(p[1], F_SETFL, O_NONBLOCK));
  T(write(p[1], b, 3000));
  T(write(p[1], b, 5000));
  T(read(p[0], b, 70000));
  T(read(p[0], b, 70000));
  T(close(p[1]));
  T(read(p[0], b, 100));
  return done();
}
