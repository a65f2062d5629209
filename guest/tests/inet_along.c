// What goes along with the bytes of a TCP connection: how many are left, and when they came.
#include "../include/inet.h"
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <time.h>

static long before;

// Receives, and says what went along.
static void take(int s, int most, int flags) {
  char buffer[64], control[256];
  struct iovec piece = {buffer, most};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct pollfd waits = {s, POLLIN, 0};
  poll(&waits, 1, 5000);
  long count = recvmsg(s, &message, flags);
  if (count < 0) {
    SAY("recvmsg: %s", t_error(errno));
    return;
  }
  SAY("%ld bytes, flags %#x", count, message.msg_flags);
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
    struct timespec *time = (void *)CMSG_DATA(c);
    if (c->cmsg_level == IPPROTO_TCP)
      SAY("  tcp %d: %d", c->cmsg_type, *(int *)CMSG_DATA(c));
    else
      SAY("  level %d, kind %d, %zu bytes, a time: %s", c->cmsg_level, c->cmsg_type, c->cmsg_len, time->tv_sec >= before && time->tv_sec < before + 60 ? "yes" : "no");
  }
}

static void set(int s, int level, int name, int value) { SAY("option %d of %d = %d: %s", name, level, value, setsockopt(s, level, name, &value, sizeof value) ? t_error(errno) : "ok"); }

static void tried(int family) {
  struct sockaddr *where;
  socklen_t len;
  int listener = on_loopback(family, SOCK_STREAM, &where, &len), client = socket(family, SOCK_STREAM, 0);
  // What a listener has, those have that it accepts.
  set(listener, IPPROTO_TCP, 36, 1);
  set(listener, IPPROTO_TCP, 36, 2);
  T(connect(client, where, len));
  int server = accept(listener, 0, 0);
  T(send(client, "hello, world", 12, 0));
  take(server, 5, 0);
  take(server, 3, MSG_PEEK);
  take(server, 0, 0);
  set(server, SOL_SOCKET, SO_TIMESTAMP, 1);
  T(send(client, "again", 5, 0));
  take(server, 7, 0);
  take(server, 2, MSG_PEEK);
  take(server, 5, 0);
  set(server, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  set(server, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
  set(server, IPPROTO_TCP, 36, 0);
  T(send(client, "third", 5, 0));
  take(server, 64, 0);
  set(server, IPPROTO_TCP, 36, 1);
  T(send(client, "x", 1, MSG_OOB));
  T(send(client, "last", 4, 0));
  take(server, 1, MSG_OOB);
  T(shutdown(client, SHUT_WR));
  usleep(100000);
  take(server, 2, 0);
  take(server, 64, 0);
  take(server, 64, 0);
  take(server, 64, 0);
  // The other end asked for nothing.
  T(send(server, "back", 4, 0));
  take(client, 64, 0);
  close(server);
  take(client, 64, 0);
  close(client);
  close(listener);
}

int main(void) {
  before = time(0) - 1;
  // Linux begins to note times a little after the first has asked for them.
  int first = socket(AF_INET, SOCK_DGRAM, 0);
  set(first, SOL_SOCKET, SO_TIMESTAMP, 1);
  usleep(200000);
  tried(AF_INET);
  tried(AF_INET6);
  return 0;
}
