// Datagrams that come as one (UDP_GRO): what one send cuts into several (UDP_SEGMENT) comes whole to who asked for that, with the size of its pieces.
#include "../include/inet.h"
#include <netinet/udp.h>
#include <poll.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

static char bytes[65536];

static void get(int fd, long room, int flags) {
  char control[256];
  struct iovec part = {bytes, room};
  struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  long len = recvmsg(fd, &m, MSG_DONTWAIT | flags);
  if (len < 0) {
    SAY("  %s", t_error(errno));
    return;
  }
  SAY("  %ld bytes, flags %x, %c to %c", len, m.msg_flags, len ? bytes[0] : '-', len ? bytes[len < room ? len - 1 : room - 1] : '-');
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
    int size = -1;
    memcpy(&size, CMSG_DATA(c), 4);
    SAY("  along: level %d kind %d, %d bytes: %d", c->cmsg_level, c->cmsg_type, (int)(c->cmsg_len - CMSG_LEN(0)), size);
  }
}

static void all(int fd) {
  struct pollfd p = {fd, POLLIN, 0};
  while (poll(&p, 1, 0) > 0) get(fd, sizeof bytes, 0);
}

static void run(int family) {
  struct sockaddr_storage where = {.ss_family = family};
  socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
  if (family == AF_INET) ((struct sockaddr_in *)&where)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (family == AF_INET6) ((struct sockaddr_in6 *)&where)->sin6_addr = in6addr_loopback;
  int in = socket(family, SOCK_DGRAM, 0), out = socket(family, SOCK_DGRAM, 0), on = 1, off = 0, size = 10, value = -1;
  T(bind(in, (struct sockaddr *)&where, len));
  getsockname(in, (struct sockaddr *)&where, &len);
  T(connect(out, (struct sockaddr *)&where, len));
  static char text[3000];
  for (int i = 0; i < (int)sizeof text; i++) text[i] = 'a' + i % 26;

  SAY("in pieces");
  T(setsockopt(out, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size));
  T(send(out, text, 25, 0));
  all(in);
  SAY("joined");
  T(setsockopt(in, IPPROTO_UDP, UDP_GRO, &on, sizeof on));
  socklen_t value_len = sizeof value;
  T(getsockopt(in, IPPROTO_UDP, UDP_GRO, &value, &value_len));
  SAY("%d", value);
  T(send(out, text, 25, 0));
  all(in);
  T(send(out, text, 20, 0));
  T(send(out, text, 10, 0));
  T(send(out, text, 3, 0));
  T(send(out, text, 0, 0));
  all(in);
  SAY("looked at, and cut");
  T(send(out, text, 26, 0));
  get(in, sizeof bytes, MSG_PEEK);
  get(in, 15, 0);
  get(in, sizeof bytes, 0);
  SAY("without what goes along");
  T(send(out, text, 26, 0));
  T(recv(in, bytes, sizeof bytes, MSG_DONTWAIT));
  T(recv(in, bytes, sizeof bytes, MSG_DONTWAIT));
  SAY("several sends stay several");
  T(setsockopt(out, IPPROTO_UDP, UDP_SEGMENT, &off, sizeof off));
  for (int i = 0; i < 3; i++) send(out, text, 10, 0);
  all(in);
  SAY("many");
  size = 100;
  T(setsockopt(out, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size));
  T(send(out, text, sizeof text, 0));
  all(in);
  SAY("no more");
  T(setsockopt(in, IPPROTO_UDP, UDP_GRO, &off, sizeof off));
  T(send(out, text, 250, 0));
  all(in);
  close(in), close(out);
}

int main(void) {
  run(AF_INET);
  run(AF_INET6);
  return done();
}
