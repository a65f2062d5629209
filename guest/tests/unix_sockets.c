// Local sockets with names: streams, sequences and datagrams, abstract and in the file system, their addresses, options and errors.
#include "../include/t.h"
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un name(const char *text, socklen_t *len) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  memcpy(a.sun_path + (text[0] == '@'), text + (text[0] == '@'), strlen(text) - (text[0] == '@'));
  *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(text) + (text[0] != '@'));
  return a;
}

static void *client(void *path) {
  char b[20];
  socklen_t n;
  struct sockaddr_un a = name(path, &n);
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(s, (struct sockaddr *)&a, n)) return "no connection";
  write(s, "hello", 5);
  if (read(s, b, 20) != 7 || memcmp(b, "welcome", 7)) return "wrong answer";
  close(s);
  return 0;
}

static void serve(const char *path) {
  char b[20] = {0};
  socklen_t n;
  struct sockaddr_un a = name(path, &n), other;
  int l = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), o = socket(AF_UNIX, SOCK_STREAM, 0);
  T(connect(l, (struct sockaddr *)&a, n));
  T(listen(l, 5));
  T(bind(l, (struct sockaddr *)&a, n));
  T(bind(l, (struct sockaddr *)&a, n));
  T(bind(o, (struct sockaddr *)&a, n));
  T(connect(o, (struct sockaddr *)&a, n));
  T(listen(l, 5));
  pthread_t t;
  pthread_create(&t, 0, client, (void *)path);
  socklen_t m = sizeof other;
  memset(&other, 0, sizeof other);
  int c = accept4(l, (struct sockaddr *)&other, &m, SOCK_CLOEXEC);
  IS(c >= 0);
  T(m);
  T(read(c, b, 20));
  SAY("%s", b);
  m = sizeof other;
  T(getsockname(c, (struct sockaddr *)&other, &m));
  IS(m == n && !memcmp(&other, &a, m));
  m = sizeof other;
  T(getpeername(c, (struct sockaddr *)&other, &m));
  T(m);
  T(write(c, "welcome", 7));
  void *why;
  pthread_join(t, &why);
  IS(why == 0);
  T(read(c, b, 20));
  T(send(c, "x", 1, MSG_NOSIGNAL));
  T(fcntl(l, F_SETFL, O_NONBLOCK));
  T(accept(l, 0, 0));
  close(c), close(l), close(o);
}

int main(void) {
  char b[40] = {0};
  socklen_t n;
  serve("socket");
  serve("@abstract");
  struct sockaddr_un a = name("socket", &n), from;
  int d = socket(AF_UNIX, SOCK_DGRAM, 0), e = socket(AF_UNIX, SOCK_DGRAM, 0);
  T(connect(d, (struct sockaddr *)&a, n));
  T(unlink("socket"));
  T(connect(d, (struct sockaddr *)&a, n));
  T(bind(d, (struct sockaddr *)&a, n));
  struct sockaddr_un other = name("other", &n);
  T(bind(e, (struct sockaddr *)&other, n));
  T(sendto(e, "to you", 6, 0, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 7)));
  T(connect(e, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 7)));
  T(send(e, "again", 5, 0));
  socklen_t m = sizeof from;
  T(recvfrom(d, b, 40, 0, (struct sockaddr *)&from, &m));
  T(m);
  SAY("%s", b);
  m = sizeof from;
  T(recvfrom(d, b, 3, MSG_TRUNC, (struct sockaddr *)&from, &m));
  T(m);
  SAY("%s", from.sun_path);
  T(recv(d, b, 3, MSG_DONTWAIT));
  T(close(d));
  T(send(e, "gone", 4, 0));
  T(send(e, "gone", 4, 0));
  int s[2];
  T(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
  T(write(s[0], "one", 3));
  T(write(s[0], "", 0));
  T(write(s[0], "three", 5));
  T(read(s[1], b, 40));
  T(read(s[1], b, 40));
  T(recv(s[1], b, 2, 0));
  T(close(s[0]));
  T(read(s[1], b, 40));
  T(send(s[1], "x", 1, MSG_NOSIGNAL));
  struct pollfd p = {s[1], POLLIN | POLLOUT | POLLRDHUP, 0};
  T(poll(&p, 1, 0));
  SAY("%x", p.revents);
  T(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
  T(write(s[0], "unread", 6));
  T(close(s[1]));
  T(read(s[0], b, 40));
  T(read(s[0], b, 40));
  T(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
  p = (struct pollfd){s[0], POLLIN | POLLOUT | POLLRDHUP, 0};
  T(poll(&p, 1, 0));
  SAY("%x", p.revents);
  T(shutdown(s[1], SHUT_WR));
  T(poll(&p, 1, 0));
  SAY("%x", p.revents);
  T(shutdown(s[0], SHUT_WR));
  T(poll(&p, 1, 0));
  SAY("%x", p.revents);
  T(shutdown(s[0], 7));
  T(shutdown(0, SHUT_RD));
  struct timeval tv = {0, 20000}, got;
  T(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
  T(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
  m = sizeof got;
  T(getsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &got, &m));
  T(got.tv_usec);
  T(read(s[0], b, 1));
  int v = 0;
  m = sizeof v;
  T(getsockopt(s[0], SOL_SOCKET, SO_DOMAIN, &v, &m));
  T(v);
  T(getsockopt(s[0], SOL_SOCKET, SO_ACCEPTCONN, &v, &m));
  T(v);
  T(getsockopt(s[0], SOL_SOCKET, SO_ERROR, &v, &m));
  T(v);
  T(getsockopt(s[0], SOL_SOCKET, 9999, &v, &m));
  T(setsockopt(s[0], SOL_SOCKET, 9999, &v, m));
  T(setsockopt(0, SOL_SOCKET, SO_TYPE, &v, m));
  T(write(s[0], "abc", 3));
  T(write(s[0], "def", 3));
  T(recv(s[1], b, 6, MSG_WAITALL));
  T(socket(AF_UNIX, 77, 0));
  T(socket(AF_UNIX, SOCK_STREAM, 5));
  T(socket(99, SOCK_STREAM, 0));
  T(accept(s[0], 0, 0));
  T(recv(0, b, 1, 0));
  return done();
}
