// TCP within the machine: binding, listening, connecting, what is sent, how it ends, and who is refused.
#include "../include/inet.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>

#define SA(a) (struct sockaddr *)&(a), sizeof(a)

static int listening(struct sockaddr_in *where) {
  int s = socket(AF_INET, SOCK_STREAM, 0);
  *where = at("127.0.0.1", 0);
  socklen_t len = sizeof *where;
  if (bind(s, SA(*where)) || listen(s, 5) || getsockname(s, (struct sockaddr *)where, &len)) SAY("no listener: %s", t_error(errno));
  return s;
}

static int revents(int fd, int events) {
  struct pollfd p = {fd, events, 0};
  poll(&p, 1, 0);
  return p.revents;
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  char buffer[64];
  struct sockaddr_in a, where;
  socklen_t len = sizeof a;

  SAY("before a connection");
  int c = socket(AF_INET, SOCK_STREAM, 0);
  T(getsockname(c, (struct sockaddr *)&a, &len));
  SAY("%d %d %d", len, a.sin_port, a.sin_addr.s_addr);
  T(getpeername(c, (struct sockaddr *)&a, &len));
  T(read(c, buffer, 1));
  T(write(c, "x", 1));
  T(shutdown(c, SHUT_WR));
  T(accept(c, 0, 0));
  SAY("%x", revents(c, POLLIN | POLLOUT | POLLRDHUP));

  SAY("binding");
  a = at("8.8.8.8", 0);
  T(bind(c, SA(a)));
  T(bind(c, (struct sockaddr *)&a, 8));
  a.sin_family = AF_UNIX;
  T(bind(c, SA(a)));
  int s = listening(&where);
  a = where;
  T(bind(c, SA(a)));
  a = at("127.0.0.2", ntohs(where.sin_port));
  T(bind(c, SA(a)));
  T(bind(c, SA(a)));
  int other = socket(AF_INET, SOCK_STREAM, 0);
  a = at("0.0.0.0", ntohs(where.sin_port));
  T(bind(other, SA(a)));
  int one = 1;
  T(setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
  T(bind(other, SA(a)));
  close(other);
  close(c);

  SAY("a connection");
  c = socket(AF_INET, SOCK_STREAM, 0);
  SAY("%x", revents(s, POLLIN));
  T(connect(c, SA(where)));
  SAY("%x", revents(s, POLLIN));
  len = sizeof a;
  int p = accept4(s, (struct sockaddr *)&a, &len, SOCK_NONBLOCK);
  SAY("%d %d %s", p >= 0, len, inet_ntoa(a.sin_addr));
  struct sockaddr_in own;
  len = sizeof own;
  T(getsockname(c, (struct sockaddr *)&own, &len));
  SAY("%d %d", own.sin_port == a.sin_port, own.sin_addr.s_addr == a.sin_addr.s_addr);
  T(getpeername(c, (struct sockaddr *)&a, &len));
  SAY("%d", a.sin_port == where.sin_port);
  T(connect(c, SA(where)));
  T(listen(c, 1));
  T(read(p, buffer, 1));
  SAY("%x %x", revents(p, POLLIN | POLLOUT), revents(c, POLLIN | POLLOUT));
  T(write(c, "hello", 5));
  int waiting = 0;
  T(ioctl(p, FIONREAD, &waiting));
  SAY("%d %x", waiting, revents(p, POLLIN | POLLOUT | POLLRDHUP));
  T(recv(p, buffer, 2, MSG_PEEK));
  T(recv(p, buffer, sizeof buffer, 0));
  T(send(p, "back", 4, MSG_NOSIGNAL));
  T(recv(c, buffer, sizeof buffer, MSG_DONTWAIT));
  T(recv(c, buffer, sizeof buffer, MSG_DONTWAIT));

  SAY("half of it ends");
  T(shutdown(c, SHUT_WR));
  T(write(c, "x", 1));
  T(read(p, buffer, sizeof buffer));
  SAY("%x %x", revents(p, POLLIN | POLLOUT | POLLRDHUP), revents(c, POLLIN | POLLOUT | POLLRDHUP));
  T(write(p, "still", 5));
  T(read(c, buffer, sizeof buffer));
  T(close(p));
  T(read(c, buffer, sizeof buffer));
  SAY("%x", revents(c, POLLIN | POLLOUT | POLLRDHUP));
  close(c);

  SAY("the other side closes");
  connected(&c, &p);
  T(close(p));
  T(read(c, buffer, 1));
  T(write(c, "1", 1));
  T(write(c, "2", 1));
  T(write(c, "3", 1));
  T(read(c, buffer, 1));
  close(c);

  SAY("the other side closes with bytes unread");
  connected(&c, &p);
  T(write(c, "unread", 6));
  T(write(p, "sent", 4));
  T(close(p));
  SAY("%x", revents(c, POLLIN | POLLOUT | POLLRDHUP) & (POLLIN | POLLOUT | POLLERR | POLLHUP));
  T(write(c, "1", 1));
  T(write(c, "2", 1));
  close(c);
  connected(&c, &p);
  struct linger hard = {1, 0};
  T(setsockopt(p, SOL_SOCKET, SO_LINGER, &hard, sizeof hard));
  T(close(p));
  T(read(c, buffer, 1));
  T(read(c, buffer, 1));
  close(c);

  SAY("nobody listens");
  close(s);
  c = socket(AF_INET, SOCK_STREAM, 0);
  T(connect(c, SA(where)));
  T(connect(c, SA(where)));
  close(c);
  c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  T(connect(c, SA(where)));
  struct pollfd ready = {c, POLLOUT, 0};
  T(poll(&ready, 1, 1000));
  SAY("%x", ready.revents & POLLERR);
  int error = 0;
  len = sizeof error;
  T(getsockopt(c, SOL_SOCKET, SO_ERROR, &error, &len));
  SAY("%s", t_error(error));
  T(getsockopt(c, SOL_SOCKET, SO_ERROR, &error, &len));
  SAY("%d", error);
  close(c);

  SAY("without waiting");
  s = listening(&where);
  fcntl(s, F_SETFL, O_NONBLOCK);
  T(accept(s, 0, 0));
  c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  T(connect(c, SA(where)));
  ready = (struct pollfd){c, POLLOUT, 0};
  T(poll(&ready, 1, 1000));
  SAY("%x", ready.revents);
  T(connect(c, SA(where)));
  T(connect(c, SA(where)));
  T(shutdown(s, SHUT_RD));
  close(c);
  close(s);

  SAY("options");
  c = socket(AF_INET, SOCK_STREAM, 0);
  int value = 0;
#define OPTION(level, name) do { len = sizeof value; T(getsockopt(c, level, name, &value, &len)); SAY("%d", value); } while (0)
  OPTION(SOL_SOCKET, SO_TYPE);
  OPTION(SOL_SOCKET, SO_DOMAIN);
  OPTION(SOL_SOCKET, SO_PROTOCOL);
  OPTION(SOL_SOCKET, SO_ACCEPTCONN);
  OPTION(IPPROTO_TCP, TCP_NODELAY);
  one = 7;
  T(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
  OPTION(IPPROTO_TCP, TCP_NODELAY);
  OPTION(IPPROTO_TCP, TCP_KEEPIDLE);
  OPTION(IPPROTO_TCP, TCP_KEEPINTVL);
  OPTION(IPPROTO_TCP, TCP_KEEPCNT);
  one = 0;
  T(setsockopt(c, IPPROTO_TCP, TCP_KEEPCNT, &one, sizeof one));
  OPTION(IPPROTO_IP, IP_TTL);
  OPTION(IPPROTO_IP, IP_TOS);
  T(setsockopt(c, IPPROTO_TCP, 99, &one, sizeof one));
  T(getsockopt(c, IPPROTO_IPV6, IPV6_V6ONLY, &value, &len));
  close(c);
  T(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
  T(socket(AF_INET, SOCK_SEQPACKET, 0));
  T(socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){0}));
  return 0;
}
