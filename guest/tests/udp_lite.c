// UDP-Lite: ports of its own, what checksums cover and have to cover, and streams with small buffers.
#include "../include/t.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#define SEND_COVERAGE 10
#define RECEIVE_COVERAGE 11

static int made(int protocol, struct sockaddr_in *where) {
  int s = socket(AF_INET, SOCK_DGRAM, protocol);
  socklen_t len = sizeof *where;
  if (s < 0) SAY("no socket: %s", t_error(errno));
  if (bind(s, (struct sockaddr *)where, len) || getsockname(s, (struct sockaddr *)where, &len)) SAY("no address: %s", t_error(errno));
  return s;
}

static void set(int s, int level, int name, int value) {
  socklen_t len = sizeof value;
  int error = setsockopt(s, level, name, &value, len) ? errno : 0;
  value = -1;
  if (getsockopt(s, level, name, &value, &len)) value = -errno;
  SAY("option %d: %s, %d", name, error ? t_error(error) : "ok", value);
}

int main(void) {
  struct sockaddr_in lite = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, other;
  char buffer[32];
  int s = made(IPPROTO_UDPLITE, &lite), value;
  socklen_t len = sizeof value;
  T(getsockopt(s, SOL_SOCKET, SO_PROTOCOL, &value, &len));
  SAY("%d", value);
  other = lite;
  SAY("the same port of UDP");
  int u = made(IPPROTO_UDP, &other);
  IS(other.sin_port == lite.sin_port);
  T(connect(u, (struct sockaddr *)&lite, sizeof lite));
  T(send(u, "to udp", 6, 0));
  T(recv(s, buffer, sizeof buffer, MSG_DONTWAIT));
  T(recv(u, buffer, sizeof buffer, MSG_DONTWAIT));
  int c = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
  T(connect(c, (struct sockaddr *)&lite, sizeof lite));
  T(send(c, "to lite", 7, 0));
  T(recv(s, buffer, sizeof buffer, MSG_DONTWAIT));
  SAY("coverage");
  set(c, IPPROTO_UDPLITE, SEND_COVERAGE, 1);
  set(c, IPPROTO_UDPLITE, SEND_COVERAGE, 70000);
  set(c, IPPROTO_UDPLITE, SEND_COVERAGE, 12);
  set(c, IPPROTO_UDP, SEND_COVERAGE, 12);
  set(u, IPPROTO_UDP, SEND_COVERAGE, 12);
  set(c, IPPROTO_UDPLITE, RECEIVE_COVERAGE, 20);
  set(c, IPPROTO_UDPLITE, 99, 20);
  T(send(c, "a long datagram", 15, 0));
  T(recv(s, buffer, sizeof buffer, MSG_DONTWAIT));
  set(s, IPPROTO_UDPLITE, RECEIVE_COVERAGE, 12);
  T(send(c, "a long datagram", 15, 0));
  T(recv(s, buffer, sizeof buffer, MSG_DONTWAIT));
  set(s, IPPROTO_UDPLITE, RECEIVE_COVERAGE, 13);
  T(send(c, "a long datagram", 15, 0));
  T(recv(s, buffer, sizeof buffer, MSG_DONTWAIT));
  T(send(c, "abc", 3, 0));
  T(recv(s, buffer, sizeof buffer, MSG_DONTWAIT));
  SAY("nobody");
  close(s);
  T(send(c, "abc", 3, 0));
  T(recv(c, buffer, sizeof buffer, MSG_DONTWAIT));
  close(c), close(u);

  SAY("a stream with small buffers");
  int listener = socket(AF_INET, SOCK_STREAM, 0), small = 4096;
  lite.sin_port = 0;
  len = sizeof lite;
  T(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small));
  T(bind(listener, (struct sockaddr *)&lite, len));
  T(listen(listener, 1));
  T(getsockname(listener, (struct sockaddr *)&lite, &len));
  c = socket(AF_INET, SOCK_STREAM, 0);
  T(setsockopt(c, SOL_SOCKET, SO_SNDBUF, &small, sizeof small));
  T(connect(c, (struct sockaddr *)&lite, sizeof lite));
  s = accept(listener, 0, 0);
  static char block[65536];
  long sent = 0, one;
  while ((one = send(c, block, sizeof block, MSG_DONTWAIT)) > 0) sent += one;
  IS(sent > 1000 && sent < 70000);
  struct pollfd p = {c, POLLOUT, 0};
  T(poll(&p, 1, 0));
  long got = 0;
  while (got < sent && (one = recv(s, block, sizeof block, 0)) > 0) got += one;
  IS(got == sent);
  T(poll(&p, 1, 1000));
  SAY("%x", p.revents);
  return done();
}
