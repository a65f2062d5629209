// Connections that are dissolved (connect to AF_UNSPEC) and made again: what is left of the addresses, who is told, and what a socket is good for afterwards.
#include "../include/inet.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/un.h>

static void ends(const char *what, int fd) {
  struct sockaddr_storage name = {0};
  socklen_t len = sizeof name;
  char text[64] = "";
  getsockname(fd, (struct sockaddr *)&name, &len);
  if (name.ss_family == AF_INET6) inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&name)->sin6_addr, text, sizeof text);
  else inet_ntop(AF_INET, &((struct sockaddr_in *)&name)->sin_addr, text, sizeof text);
  SAY("%s: %s%s", what, text, ((struct sockaddr_in *)&name)->sin_port ? " with a port" : "");
  len = sizeof name;
  OK(getpeername(fd, (struct sockaddr *)&name, &len));
}

static void state(int fd) {
  struct tcp_info info = {0};
  socklen_t len = sizeof info;
  struct pollfd p = {fd, POLLIN | POLLPRI | POLLRDHUP | POLLOUT, 0};
  poll(&p, 1, 0);
  getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
  SAY("state %d, events %x", info.tcpi_state, p.revents);
}

static void error(int fd) {
  int value = -1;
  socklen_t len = sizeof value;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len);
  SAY("SO_ERROR %s", value ? t_error(value) : "none");
}

static int dissolve(int fd) {
  struct sockaddr none = {.sa_family = AF_UNSPEC};
  return connect(fd, &none, sizeof none);
}

static int listener(int *port) {
  struct sockaddr_in where = at("127.0.0.1", 0);
  int s = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(s, (struct sockaddr *)&where, sizeof where) || listen(s, 5)) SAY("no listener");
  *port = port_of(s);
  return s;
}

static void wait_for(int fd, int events) {
  struct pollfd p = {fd, events, 0};
  poll(&p, 1, 20000);
}

static void streams(void) {
  int port, c, s, l = listener(&port);
  char buffer[16];
  struct sockaddr_in to = at("127.0.0.1", port);
  SAY("a stream that was never connected");
  c = socket(AF_INET, SOCK_STREAM, 0);
  T(dissolve(c));
  state(c);
  error(c);
  SAY("a connection");
  T(connect(c, (struct sockaddr *)&to, sizeof to));
  s = accept(l, 0, 0);
  send(s, "left", 4, 0);
  wait_for(c, POLLIN);
  T(dissolve(c));
  state(c);
  ends("dissolved", c);
  T(recv(c, buffer, sizeof buffer, 0));
  T(recv(c, buffer, sizeof buffer, 0));
  T(send(c, "a", 1, MSG_NOSIGNAL));
  error(c);
  wait_for(s, POLLHUP);
  state(s);
  T(recv(s, buffer, sizeof buffer, 0));
  close(s);
  SAY("again");
  T(connect(c, (struct sockaddr *)&to, sizeof to));
  error(c);
  s = accept(l, 0, 0);
  ends("connected again", c);
  T(send(c, "new", 3, 0));
  T(recv(s, buffer, sizeof buffer, 0));
  T(send(s, "news", 4, 0));
  T(recv(c, buffer, sizeof buffer, 0));
  state(c);
  SAY("shut down before");
  T(shutdown(c, SHUT_WR));
  T(dissolve(c));
  error(c);
  state(c);
  close(s);
  T(connect(c, (struct sockaddr *)&to, sizeof to));
  s = accept(l, 0, 0);
  T(send(c, "new", 3, 0));
  T(recv(s, buffer, sizeof buffer, 0));
  SAY("after the other side's end");
  close(s);
  wait_for(c, POLLRDHUP);
  T(dissolve(c));
  error(c);
  T(dissolve(c));
  error(c);
  SAY("after both ends");
  T(connect(c, (struct sockaddr *)&to, sizeof to));
  s = accept(l, 0, 0);
  shutdown(s, SHUT_WR);
  wait_for(c, POLLRDHUP);
  shutdown(c, SHUT_WR);
  wait_for(c, POLLHUP);
  T(dissolve(c));
  error(c);
  close(s);
  SAY("without waiting");
  fcntl(c, F_SETFL, O_NONBLOCK);
  T(connect(c, (struct sockaddr *)&to, sizeof to));
  T(dissolve(c));
  error(c);
  T(connect(c, (struct sockaddr *)&to, sizeof to));
  wait_for(c, POLLOUT);
  error(c);
  T(connect(c, (struct sockaddr *)&to, sizeof to));
  T(connect(c, (struct sockaddr *)&to, sizeof to));
  close(c);
  close(l);
}

static void options(void) {
  int port, c, s, l = listener(&port), one = 1, value;
  socklen_t len = sizeof value;
  struct sockaddr_in to = at("127.0.0.1", port);
  SAY("options stay");
  c = socket(AF_INET, SOCK_STREAM, 0);
  struct timeval soon = {3, 0};
  struct linger linger = {1, 7};
  setsockopt(c, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
  setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
  setsockopt(c, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  T(connect(c, (struct sockaddr *)&to, sizeof to));
  s = accept(l, 0, 0);
  T(dissolve(c));
  T(getsockopt(c, SOL_SOCKET, SO_KEEPALIVE, &value, &len));
  IS(value == 1);
  T(getsockopt(c, IPPROTO_TCP, TCP_NODELAY, &value, &len));
  IS(value == 1);
  len = sizeof soon;
  T(getsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &soon, &len));
  IS(soon.tv_sec == 3);
  len = sizeof linger;
  T(getsockopt(c, SOL_SOCKET, SO_LINGER, &linger, &len));
  SAY("linger %d %d", linger.l_onoff, linger.l_linger);
  close(s);
  close(c);
  close(l);
}

static void bound(void) {
  int port, c, s, l = listener(&port), again;
  struct sockaddr_in to = at("127.0.0.1", port), own = at("127.0.0.2", 0);
  SAY("an address of its own stays");
  c = socket(AF_INET, SOCK_STREAM, 0);
  T(bind(c, (struct sockaddr *)&own, sizeof own));
  int mine = port_of(c);
  T(connect(c, (struct sockaddr *)&to, sizeof to));
  s = accept(l, 0, 0);
  T(dissolve(c));
  ends("dissolved", c);
  IS(port_of(c) == mine);
  close(s);
  T(connect(c, (struct sockaddr *)&to, sizeof to));
  s = accept(l, 0, 0);
  ends("again", c);
  T(dissolve(c));
  close(s);
  close(c);
  SAY("and a port");
  own = at("0.0.0.0", mine);
  c = socket(AF_INET, SOCK_STREAM, 0);
  int one = 1;
  setsockopt(c, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  T(bind(c, (struct sockaddr *)&own, sizeof own));
  T(connect(c, (struct sockaddr *)&to, sizeof to));
  s = accept(l, 0, 0);
  T(dissolve(c));
  IS(port_of(c) == mine);
  ends("dissolved", c);
  again = socket(AF_INET, SOCK_STREAM, 0);
  T(bind(again, (struct sockaddr *)&own, sizeof own));
  close(again);
  close(s);
  close(c);
  close(l);
}

static void listeners(void) {
  int port, c, s, l = listener(&port);
  struct sockaddr_in to = at("127.0.0.1", port);
  char byte;
  SAY("who listens");
  c = socket(AF_INET, SOCK_STREAM, 0);
  T(connect(c, (struct sockaddr *)&to, sizeof to));
  wait_for(l, POLLIN);
  T(dissolve(l));
  state(l);
  error(l);
  wait_for(c, POLLHUP);
  T(recv(c, &byte, 1, 0));
  close(c);
  T(accept(l, 0, 0));
  ends("dissolved", l);
  c = socket(AF_INET, SOCK_STREAM, 0);
  T(connect(c, (struct sockaddr *)&to, sizeof to));
  T(listen(l, 5));
  to = at("127.0.0.1", port_of(l));
  T(connect(c, (struct sockaddr *)&to, sizeof to));
  s = accept(l, 0, 0);
  T(send(c, "a", 1, 0));
  T(recv(s, &byte, 1, 0));
  close(s);
  close(c);
  T(dissolve(l));
  SAY("connects now");
  int other_port, other = listener(&other_port);
  struct sockaddr_in there = at("127.0.0.1", other_port);
  T(connect(l, (struct sockaddr *)&there, sizeof there));
  s = accept(other, 0, 0);
  T(send(l, "a", 1, 0));
  T(recv(s, &byte, 1, 0));
  SAY("and listens again");
  T(listen(l, 5));
  T(dissolve(l));
  T(listen(l, 5));
  close(s);
  close(other);
  close(l);
  SAY("whom it accepted");
  l = listener(&port);
  to = at("127.0.0.1", port);
  c = socket(AF_INET, SOCK_STREAM, 0);
  T(connect(c, (struct sockaddr *)&to, sizeof to));
  s = accept(l, 0, 0);
  T(dissolve(s));
  ends("dissolved", s);
  IS(port_of(s) == port);
  wait_for(c, POLLHUP);
  T(recv(c, &byte, 1, 0));
  T(connect(s, (struct sockaddr *)&to, sizeof to));
  close(c);
  close(s);
  close(l);
}

static void datagrams(void) {
  char buffer[16];
  SAY("datagrams");
  int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in any = at("127.0.0.1", 0);
  T(bind(b, (struct sockaddr *)&any, sizeof any));
  T(bind(c, (struct sockaddr *)&any, sizeof any));
  struct sockaddr_in to = at("127.0.0.1", port_of(b)), other = at("127.0.0.1", port_of(c));
  T(dissolve(a));
  ends("never connected", a);
  T(connect(a, (struct sockaddr *)&to, sizeof to));
  ends("connected", a);
  T(send(a, "one", 3, 0));
  T(recv(b, buffer, sizeof buffer, 0));
  T(dissolve(a));
  ends("dissolved", a);
  T(send(a, "one", 3, 0));
  T(connect(a, (struct sockaddr *)&other, sizeof other));
  T(send(a, "two", 3, 0));
  T(recv(c, buffer, sizeof buffer, 0));
  T(recv(b, buffer, sizeof buffer, MSG_DONTWAIT));
  T(connect(a, (struct sockaddr *)&to, sizeof to));
  T(send(a, "three", 5, 0));
  T(recv(b, buffer, sizeof buffer, 0));
  close(a);
  SAY("one with an address");
  T(connect(b, (struct sockaddr *)&other, sizeof other));
  int mine = port_of(b);
  T(dissolve(b));
  ends("dissolved", b);
  SAY("the same port: %d", port_of(b) == mine);
  close(b);
  b = socket(AF_INET, SOCK_DGRAM, 0);
  any = at("0.0.0.0", mine);
  T(bind(b, (struct sockaddr *)&any, sizeof any));
  T(connect(b, (struct sockaddr *)&other, sizeof other));
  ends("connected", b);
  T(dissolve(b));
  ends("dissolved", b);
  IS(port_of(b) == mine);
  T(sendto(c, "still", 5, 0, (struct sockaddr *)&to, sizeof to));
  T(recv(b, buffer, sizeof buffer, 0));
  close(b);
  close(c);
  SAY("one of all addresses by number 0");
  b = socket(AF_INET, SOCK_DGRAM, 0);
  any = at("0.0.0.0", 0);
  T(bind(b, (struct sockaddr *)&any, sizeof any));
  T(connect(b, (struct sockaddr *)&other, sizeof other));
  T(dissolve(b));
  ends("dissolved", b);
  T(bind(b, (struct sockaddr *)&any, sizeof any));
  close(b);
  SAY("the newer protocol");
  int six = socket(AF_INET6, SOCK_DGRAM, 0);
  struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  T(connect(six, (struct sockaddr *)&to6, sizeof to6));
  ends("connected", six);
  T(dissolve(six));
  ends("dissolved", six);
  T(connect(six, (struct sockaddr *)&to6, sizeof to6));
  close(six);
  SAY("an error that was not told");
  a = socket(AF_INET, SOCK_DGRAM, 0);
  T(connect(a, (struct sockaddr *)&to, sizeof to));
  T(send(a, "x", 1, 0));
  T(dissolve(a));
  error(a);
  close(a);
}

static void shorts(void) {
  SAY("short and strange addresses");
  struct sockaddr_in6 none = {.sin6_family = AF_UNSPEC};
  int kinds[] = {SOCK_STREAM, SOCK_DGRAM};
  for (int i = 0; i < 2; i++) {
    int fd = socket(AF_INET, kinds[i], 0);
    T(connect(fd, (struct sockaddr *)&none, 0));
    T(connect(fd, (struct sockaddr *)&none, 1));
    T(connect(fd, (struct sockaddr *)&none, 2));
    T(connect(fd, (struct sockaddr *)&none, sizeof none));
    close(fd);
  }
}

static void local(void) {
  char buffer[16];
  SAY("local datagrams");
  struct sockaddr_un one = {AF_UNIX, "one"}, two = {AF_UNIX, "two"};
  int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0);
  T(bind(a, (struct sockaddr *)&one, sizeof one));
  T(bind(b, (struct sockaddr *)&two, sizeof two));
  T(dissolve(c));
  T(connect(c, (struct sockaddr *)&one, sizeof one));
  T(send(c, "1", 1, 0));
  T(recv(a, buffer, sizeof buffer, 0));
  T(dissolve(c));
  struct sockaddr_un name;
  socklen_t len = sizeof name;
  T(getpeername(c, (struct sockaddr *)&name, &len));
  T(send(c, "1", 1, 0));
  T(connect(c, (struct sockaddr *)&two, sizeof two));
  T(send(c, "12", 2, 0));
  T(recv(b, buffer, sizeof buffer, 0));
  SAY("what was sent to a peer that goes away");
  T(connect(a, (struct sockaddr *)&two, sizeof two));
  T(connect(b, (struct sockaddr *)&one, sizeof one));
  T(send(a, "left", 4, 0));
  T(dissolve(b));
  error(a);
  error(b);
  T(send(a, "x", 1, 0));
  T(recv(b, buffer, sizeof buffer, MSG_DONTWAIT));
  T(recv(b, buffer, sizeof buffer, MSG_DONTWAIT));
  T(send(a, "x", 1, 0));
  T(connect(b, (struct sockaddr *)&one, sizeof one));
  T(connect(a, (struct sockaddr *)&one, sizeof one));
  error(a);
  error(b);
  struct sockaddr_un none = {AF_UNSPEC};
  T(connect(b, (struct sockaddr *)&none, 2));
  T(connect(b, (struct sockaddr *)&none, sizeof none));
  close(a);
  close(b);
  close(c);
  SAY("a pair of datagrams");
  int pair[2];
  socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
  T(send(pair[0], "left", 4, 0));
  T(dissolve(pair[1]));
  error(pair[0]);
  error(pair[1]);
  T(recv(pair[1], buffer, sizeof buffer, MSG_DONTWAIT));
  T(send(pair[0], "x", 1, 0));
  T(send(pair[1], "x", 1, 0));
  T(dissolve(pair[0]));
  T(dissolve(pair[0]));
  close(pair[0]);
  close(pair[1]);
  SAY("local streams");
  a = socket(AF_UNIX, SOCK_STREAM, 0);
  T(dissolve(a));
  close(a);
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  T(dissolve(pair[0]));
  T(send(pair[0], "x", 1, 0));
  close(pair[0]);
  close(pair[1]);
  a = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  T(dissolve(a));
  close(a);
  unlink("one");
  unlink("two");
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  streams();
  options();
  bound();
  listeners();
  datagrams();
  shorts();
  local();
  return done();
}
