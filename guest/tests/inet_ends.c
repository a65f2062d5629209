// How connections end: data before a reset, who is still whose peer, what is answered after both directions have ended, and closes that wait (SO_LINGER).
#include "../include/inet.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>

static void look(const char *what, int fd) {
  struct pollfd p = {fd, POLLIN | POLLPRI | POLLRDHUP | POLLOUT, 0};
  struct tcp_info info;
  socklen_t len = sizeof info;
  struct sockaddr_in name;
  poll(&p, 1, 0);
  getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
  SAY("%s: events %x%s", what, p.revents, info.tcpi_state == TCP_CLOSE ? ", closed" : "");
  len = sizeof name;
  OK(getpeername(fd, (struct sockaddr *)&name, &len));
  len = sizeof name;
  OK(getsockname(fd, (struct sockaddr *)&name, &len));
}

static void error(int fd) {
  int value = -1;
  socklen_t len = sizeof value;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len);
  SAY("SO_ERROR %s", value ? t_error(value) : "none");
}

static void at_once(int fd, int seconds) {
  struct linger linger = {1, seconds};
  T(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}

static long milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void fill(int fd) {
  static char block[65536];
  long sent = 0, one;
  while ((one = send(fd, block, sizeof block, MSG_DONTWAIT)) > 0) sent += one;
  IS(sent > 65536);
}

static void *read_later(void *fd) {
  static char block[65536];
  usleep(100000);
  while (read((int)(long)fd, block, sizeof block) > 0) {}
  return 0;
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  int c, s;
  char buffer[16];

  SAY("data before a reset");
  connected(&c, &s);
  T(send(s, "abcdef", 6, 0));
  at_once(s, 0);
  T(close(s));
  look("reset", c);
  T(recv(c, buffer, 3, 0));
  look("half read", c);
  T(recv(c, buffer, 16, MSG_PEEK));
  T(recv(c, buffer, 16, MSG_DONTWAIT));
  look("read", c);
  T(recv(c, buffer, 16, MSG_DONTWAIT));
  look("told", c);
  T(recv(c, buffer, 16, MSG_DONTWAIT));
  error(c);
  T(send(c, "x", 1, 0));
  T(shutdown(c, SHUT_RDWR));
  look("after all", c);
  close(c);

  SAY("data before a reset, told by SO_ERROR");
  connected(&c, &s);
  T(send(s, "abcdef", 6, 0));
  at_once(s, 0);
  close(s);
  error(c);
  T(recv(c, buffer, 3, MSG_DONTWAIT));
  look("half read", c);
  T(recv(c, buffer, 16, MSG_DONTWAIT));
  T(recv(c, buffer, 16, MSG_DONTWAIT));
  T(send(c, "x", 1, 0));
  close(c);

  SAY("data before a reset, told by sending");
  connected(&c, &s);
  T(send(s, "abcdef", 6, 0));
  at_once(s, 0);
  close(s);
  T(send(c, "x", 1, 0));
  T(send(c, "x", 1, 0));
  look("told", c);
  T(recv(c, buffer, 16, MSG_DONTWAIT));
  T(recv(c, buffer, 16, MSG_DONTWAIT));
  close(c);

  SAY("unread data resets");
  connected(&c, &s);
  T(send(s, "abc", 3, 0));
  T(send(c, "xyz", 3, 0));
  close(s);
  look("reset", c);
  T(recv(c, buffer, 16, MSG_DONTWAIT));
  T(recv(c, buffer, 16, MSG_DONTWAIT));
  T(recv(c, buffer, 16, MSG_DONTWAIT));
  close(c);

  SAY("both directions end");
  connected(&c, &s);
  T(shutdown(c, SHUT_WR));
  look("one has ended, here", c);
  look("one has ended, there", s);
  T(send(s, "abc", 3, 0));
  T(shutdown(s, SHUT_WR));
  look("both have ended, here", c);
  look("both have ended, there", s);
  T(shutdown(s, SHUT_RD));
  T(shutdown(c, SHUT_RDWR));
  T(recv(c, buffer, 16, MSG_DONTWAIT));
  T(recv(c, buffer, 16, MSG_DONTWAIT));
  T(send(c, "x", 1, 0));
  T(send(s, "x", 1, 0));
  error(c);
  close(c), close(s);

  SAY("sent to who has closed");
  connected(&c, &s);
  close(s);
  look("closed", c);
  T(send(c, "x", 1, 0));
  look("sent", c);
  T(recv(c, buffer, 16, MSG_DONTWAIT));
  error(c);
  T(send(c, "x", 1, 0));
  T(shutdown(c, SHUT_WR));
  close(c);

  SAY("a connection is taken back");
  connected(&c, &s);
  struct sockaddr nobody = {.sa_family = AF_UNSPEC};
  T(connect(c, &nobody, sizeof nobody));
  look("here", c);
  look("there", s);
  T(recv(s, buffer, 16, MSG_DONTWAIT));
  close(c), close(s);

  SAY("lingering");
  connected(&c, &s);
  at_once(c, 5);
  T(send(c, "abc", 3, 0));
  long start = milliseconds();
  T(close(c));
  IS(milliseconds() - start < 1000);
  T(recv(s, buffer, 16, 0));
  T(recv(s, buffer, 16, 0));
  close(s);
  connected(&c, &s);
  at_once(c, 1);
  fill(c);
  start = milliseconds();
  T(close(c));
  IS(milliseconds() - start >= 900);
  close(s);
  connected(&c, &s);
  at_once(c, 20);
  fill(c);
  pthread_t reader;
  pthread_create(&reader, 0, read_later, (void *)(long)s);
  start = milliseconds();
  T(close(c));
  start = milliseconds() - start;
  IS(start >= 50 && start < 15000);
  pthread_join(reader, 0);
  close(s);
  connected(&c, &s);
  at_once(c, 10);
  fill(c);
  T(fcntl(c, F_SETFL, O_NONBLOCK));
  start = milliseconds();
  int other = dup(c);
  T(close(c));
  IS(milliseconds() - start < 1000);
  close(s);
  close(other);
  return done();
}
