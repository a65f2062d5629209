// A pair of connected sockets: streams and datagrams, shutdown, descriptors passed along, credentials.
#include "../include/t.h"
#include <sys/socket.h>
#include <sys/un.h>

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  int s[2], d[2];
  char b[100] = {0};
  T(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s));
  T(write(s[0], "one", 3));
  T(send(s[0], "two", 3, 0));
  T(recv(s[1], b, 2, MSG_PEEK));
  T(read(s[1], b, 99));
  SAY("%s", b);
  T(recv(s[1], b, 99, MSG_DONTWAIT));
  T(shutdown(s[0], SHUT_WR));
  T(read(s[1], b, 99));
  T(write(s[1], "back", 4));
  T(read(s[0], b, 99));
  T(write(s[0], "x", 1));
  T(close(s[1]));
  T(read(s[0], b, 99));
  T(socketpair(AF_UNIX, SOCK_DGRAM, 0, d));
  T(write(d[0], "first", 5));
  T(write(d[0], "second", 6));
  T(read(d[1], b, 3));
  T(read(d[1], b, 99));
  SAY("%.6s", b);
  int f = open("f", O_RDWR | O_CREAT, 0644);
  T(write(f, "passed", 6));
  char control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec v = {"!", 1};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(c), &f, sizeof f);
  T(sendmsg(d[0], &m, 0));
  v.iov_base = b;
  T(recvmsg(d[1], &m, MSG_CMSG_CLOEXEC));
  int got;
  memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof got);
  IS(got != f);
  T(pread(got, b, 10, 0));
  T(fcntl(got, F_GETFD));
  struct ucred u;
  socklen_t n = sizeof u;
  T(getsockopt(d[0], SOL_SOCKET, SO_PEERCRED, &u, &n));
  T(getsockopt(d[0], SOL_SOCKET, SO_TYPE, &got, &(socklen_t){sizeof got}));
  T(got);
  T(socketpair(AF_INET, SOCK_STREAM, 0, d));
  T(socketpair(AF_UNIX, SOCK_STREAM, 99, d));
  return done();
}
