// Datagrams that are put together from several sends (UDP_CORK, MSG_MORE), for UDP and raw sockets: what goes when, what does not fit, and whom it goes to.
//: root
#include "../include/t.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>

static char block[65536];

static int receiver(int family, struct sockaddr_storage *where) {
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  socklen_t len = sizeof *where;
  int fd = socket(family, SOCK_DGRAM, 0);
  if (bind(fd, family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, family == AF_INET ? sizeof v4 : sizeof v6)) SAY("no address");
  getsockname(fd, (struct sockaddr *)where, &len);
  return fd;
}

static void got(const char *what, int fd) {
  static char bytes[65536];
  long count = recv(fd, bytes, sizeof bytes - 1, MSG_DONTWAIT);
  if (count < 0) SAY("%s: %s", what, t_error(errno));
  else {
    bytes[count] = 0;
    SAY("%s: %ld bytes '%.16s'", what, count, bytes);
  }
}

static void cork(int fd, int value) {
  T(setsockopt(fd, IPPROTO_UDP, UDP_CORK, &value, sizeof value));
}

static void corked(int family) {
  struct sockaddr_storage to, other;
  socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
  int r = receiver(family, &to), r2 = receiver(family, &other), s = socket(family, SOCK_DGRAM, 0);
  int value = -1;
  socklen_t size = sizeof value;
  SAY("more to come");
  T(sendto(s, "one ", 4, MSG_MORE, (struct sockaddr *)&to, len));
  got("nothing yet", r);
  T(sendto(s, "two ", 4, MSG_MORE, (struct sockaddr *)&to, len));
  T(sendto(s, "three", 5, 0, (struct sockaddr *)&to, len));
  got("one datagram", r);
  got("no other", r);
  SAY("the first address counts");
  T(sendto(s, "a", 1, MSG_MORE, (struct sockaddr *)&to, len));
  T(sendto(s, "b", 1, MSG_MORE, (struct sockaddr *)&other, len));
  T(send(s, "c", 1, 0));
  got("first", r);
  got("second", r2);
  SAY("connected");
  T(connect(s, (struct sockaddr *)&to, len));
  cork(s, 1);
  T(getsockopt(s, IPPROTO_UDP, UDP_CORK, &value, &size));
  SAY("value %d", value);
  T(send(s, "a", 1, 0));
  T(send(s, "b", 1, 0));
  T(write(s, "c", 1));
  struct iovec pieces[2] = {{"de", 2}, {"f", 1}};
  T(writev(s, pieces, 2));
  got("nothing yet", r);
  T(send(s, "", 0, 0));
  cork(s, 0);
  got("together", r);
  got("no other", r);
  cork(s, 0);
  got("nothing", r);
  SAY("uncorked with nothing");
  cork(s, 1);
  cork(s, 0);
  got("nothing", r);
  SAY("one without bytes");
  cork(s, 1);
  T(send(s, "", 0, 0));
  cork(s, 0);
  got("empty", r);
  T(send(s, "", 0, MSG_MORE));
  T(send(s, "x", 1, 0));
  got("x", r);
  SAY("the option stays while one goes out");
  T(send(s, "a", 1, MSG_MORE));
  cork(s, 1);
  T(send(s, "b", 1, 0));
  got("nothing yet", r);
  cork(s, 0);
  got("both", r);
  SAY("too much");
  T(send(s, block, 40000, MSG_MORE));
  T(send(s, block, 40000, MSG_MORE));
  T(send(s, "x", 1, 0));
  got("what is left", r);
  got("no other", r);
  T(send(s, block, 40000, MSG_MORE));
  T(send(s, block, 25000, 0));
  got("large", r);
  T(send(s, block, 65536, MSG_MORE));
  SAY("what waits when it is closed");
  T(send(s, "lost", 4, MSG_MORE));
  close(s);
  got("nothing", r);
  SAY("shut down");
  s = socket(family, SOCK_DGRAM, 0);
  T(connect(s, (struct sockaddr *)&to, len));
  T(send(s, "kept", 4, MSG_MORE));
  T(shutdown(s, SHUT_WR));
  T(send(s, "x", 1, 0));
  cork(s, 0);
  got("after", r);
  close(s);
  SAY("connecting in between");
  s = socket(family, SOCK_DGRAM, 0);
  T(connect(s, (struct sockaddr *)&to, len));
  T(send(s, "a", 1, MSG_MORE));
  T(connect(s, (struct sockaddr *)&other, len));
  T(send(s, "b", 1, 0));
  got("first", r);
  got("second", r2);
  close(s);
  SAY("without an address at first");
  s = socket(family, SOCK_DGRAM, 0);
  T(send(s, "a", 1, MSG_MORE));
  T(sendto(s, "a", 1, MSG_MORE, (struct sockaddr *)&to, len));
  T(sendto(s, "b", 1, MSG_OOB, (struct sockaddr *)&to, len));
  struct sockaddr_storage bad = to;
  T(sendto(s, "b", 1, MSG_MORE, (struct sockaddr *)&bad, 4));
  T(send(s, "b", 1, 0));
  got("both", r);
  close(s);
  close(r);
  close(r2);
}

static void segments(void) {
  struct sockaddr_storage to;
  int r = receiver(AF_INET, &to), s = socket(AF_INET, SOCK_DGRAM, 0), size = 100;
  SAY("several of one size");
  T(connect(s, (struct sockaddr *)&to, sizeof(struct sockaddr_in)));
  T(setsockopt(s, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size));
  T(send(s, block, 250, 0));
  got("first", r);
  got("second", r);
  got("third", r);
  got("no other", r);
  size = 0;
  T(setsockopt(s, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size));
  char control[CMSG_SPACE(2)] = {0};
  struct iovec piece = {block, 250};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = IPPROTO_UDP;
  c->cmsg_type = UDP_SEGMENT;
  c->cmsg_len = CMSG_LEN(2);
  *(unsigned short *)CMSG_DATA(c) = 200;
  T(sendmsg(s, &message, 0));
  got("first", r);
  got("second", r);
  got("no other", r);
  c->cmsg_len = CMSG_LEN(1);
  T(sendmsg(s, &message, 0));
  c->cmsg_len = CMSG_LEN(2);
  c->cmsg_type = 99;
  T(sendmsg(s, &message, 0));
  SAY("too many");
  size = 1;
  T(setsockopt(s, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size));
  T(send(s, block, 128, 0));
  T(send(s, block, 129, 0));
  while (recv(r, block, sizeof block, MSG_DONTWAIT) > 0) {}
  SAY("larger than a packet may be");
  size = 65535;
  T(setsockopt(s, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size));
  T(send(s, block, 65507, 0));
  T(send(s, block, 1000, 0));
  close(r);
  close(s);
}

static void raws(void) {
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, other = here;
  static char bytes[256];
  other.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
  int r = socket(AF_INET, SOCK_RAW, 253), s = socket(AF_INET, SOCK_RAW, 253);
  SAY("raw packets");
  T(connect(s, (struct sockaddr *)&here, sizeof here));
  T(send(s, "one ", 4, MSG_MORE));
  T(recv(r, bytes, sizeof bytes, MSG_DONTWAIT));
  T(sendto(s, "two", 3, 0, (struct sockaddr *)&other, sizeof other));
  long count = recv(r, bytes, sizeof bytes - 1, MSG_DONTWAIT);
  SAY("%ld bytes '%.7s' to ...%d", count, bytes + 20, bytes[19]);
  T(send(s, block, 40000, MSG_MORE));
  T(send(s, block, 40000, MSG_MORE));
  T(recv(r, bytes, sizeof bytes, MSG_DONTWAIT));
  T(send(s, "x", 1, 0));
  T(recv(r, bytes, sizeof bytes, MSG_DONTWAIT));
  close(r);
  close(s);
}

int main(void) {
  corked(AF_INET);
  corked(AF_INET6);
  segments();
  raws();
  return done();
}
