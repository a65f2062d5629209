// How much may wait to be sent (TCP_NOTSENT_LOWAT, net.ipv4.tcp_notsent_lowat): who sends to somebody who does not read is stopped earlier, and is told of room when that has been read.
#include "../include/inet.h"
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>

static char block[65536];

static int room(int fd, int wait) {
  struct pollfd p = {fd, POLLOUT, 0};
  return poll(&p, 1, wait) > 0 && p.revents & POLLOUT;
}

static long fill(int fd) {
  long sent = 0, one;
  while ((one = send(fd, block, 4096, MSG_DONTWAIT)) > 0) sent += one;
  return sent;
}

static long empty(int fd, long left) {
  long all = 0, one;
  while (all < left && (one = read(fd, block, sizeof block)) > 0) all += one;
  return all;
}

static void setting(const char *value) {
  char text[64] = "";
  int fd = open("/proc/sys/net/ipv4/tcp_notsent_lowat", O_RDWR);
  if (value) SAY("%s: %s", value, write(fd, value, strlen(value)) < 0 ? t_error(errno) : "set");
  lseek(fd, 0, SEEK_SET);
  long len = read(fd, text, sizeof text - 1);
  if (len > 0) text[len - 1] = 0;
  SAY("it is %s", text);
  close(fd);
}

static void *read_all(void *fd) { return (void *)empty((int)(long)fd, 1 << 20); }

int main(void) {
  own_network();
  int c, s, few = 4096, value;
  socklen_t len = sizeof value;
  setting(0);
  connected(&c, &s);
  long most = fill(c);
  close(c), close(s);

  SAY("a socket's");
  connected(&c, &s);
  T(setsockopt(c, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &few, sizeof few));
  T(getsockopt(c, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &value, &len));
  SAY("%d", value);
  IS(room(c, 0));
  long less = fill(c);
  IS(less < most);
  IS(!room(c, 0));
  T(send(c, "x", 1, MSG_DONTWAIT));
  IS(empty(s, less) == less);
  IS(room(c, 30000));
  close(c), close(s);

  SAY("a send that waits");
  connected(&c, &s);
  T(setsockopt(c, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &few, sizeof few));
  pthread_t reader;
  pthread_create(&reader, 0, read_all, (void *)(long)s);
  static char much[1 << 20];
  T(send(c, much, sizeof much, 0));
  void *got;
  pthread_join(reader, &got);
  IS((long)got == sizeof much);
  close(c), close(s);

  SAY("the machine's");
  setting("4096");
  connected(&c, &s);
  less = fill(c);
  IS(less < most);
  IS(!room(c, 0));
  IS(empty(s, less) == less);
  IS(room(c, 30000));
  close(c), close(s);
  setting("4294967296");
  setting("-1");
  setting("x");
  setting("4294967295");
  return done();
}
