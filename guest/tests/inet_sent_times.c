// When something was sent (SO_TIMESTAMPING): told in the queue of errors.
#include "../include/inet.h"
#include "../include/queue.h"
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <time.h>

enum { RECORD = SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK };

static void come(int s) {
  usleep(20000);
  struct pollfd waits = {s, 0, 0};
  poll(&waits, 1, 0);
  SAY("events %#x", waits.revents);
  told(s);
}

static void stamping(int s, int flags) { SAY("SO_TIMESTAMPING %#x: %s", flags, setsockopt(s, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags) ? t_error(errno) : "ok"); }

// Sends a few bytes with a number of SOL_SOCKET along.
static void along(int s, struct sockaddr *to, socklen_t len, int kind, unsigned value, int size) {
  char control[CMSG_SPACE(8)] = {0};
  struct iovec piece = {"along", 5};
  struct msghdr message = {.msg_name = to, .msg_namelen = len, .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(size)};
  struct cmsghdr *c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = kind;
  c->cmsg_len = CMSG_LEN(size);
  memcpy(CMSG_DATA(c), &value, size < 4 ? size : 4);
  long sent = sendmsg(s, &message, 0);
  SAY("with %d = %#x: %ld %s", kind, value, sent, sent < 0 ? t_error(errno) : "");
}

static void datagrams(int family) {
  struct sockaddr *where;
  socklen_t len;
  int to = on_loopback(family, SOCK_DGRAM, &where, &len), s = socket(family, SOCK_DGRAM, 0);
  stamping(s, SOF_TIMESTAMPING_TX_SOFTWARE);
  T(sendto(s, "one", 3, 0, where, len));
  come(s);
  stamping(s, RECORD | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY);
  T(sendto(s, "two", 3, 0, where, len));
  come(s);
  stamping(s, SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID);
  T(sendto(s, "three", 5, 0, where, len));
  T(sendto(s, "four", 4, 0, where, len));
  come(s);
  stamping(s, SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_CMSG | SOF_TIMESTAMPING_OPT_TSONLY);
  int on = 1;
  if (family == AF_INET) T(setsockopt(s, IPPROTO_IP, IP_PKTINFO, &on, sizeof on));
  T(sendto(s, "five", 4, 0, where, len));
  come(s);
  along(s, where, len, SO_TIMESTAMPING, SOF_TIMESTAMPING_TX_SOFTWARE, 4);
  along(s, where, len, SO_TIMESTAMPING, SOF_TIMESTAMPING_TX_SCHED, 4);
  along(s, where, len, SO_TIMESTAMPING, SOF_TIMESTAMPING_OPT_ID, 4);
  along(s, where, len, SO_TIMESTAMPING, SOF_TIMESTAMPING_TX_SCHED, 2);
  along(s, where, len, SO_MARK, 5, 4);
  along(s, where, len, SO_MARK, 5, 2);
  along(s, where, len, SO_RCVBUF, 5, 4);
  come(s);
  close(s);
  close(to);
}

static void stream(int family) {
  struct sockaddr *where;
  socklen_t len;
  int listener = on_loopback(family, SOCK_STREAM, &where, &len), s = socket(family, SOCK_STREAM, 0);
  stamping(s, SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_SOFTWARE);
  T(connect(s, where, len));
  int server = accept(listener, 0, 0);
  T(send(s, "before", 6, 0));
  usleep(20000);
  stamping(s, RECORD | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY);
  T(send(s, "hello", 5, 0));
  come(s);
  T(send(s, "again!", 6, 0));
  come(s);
  T(write(s, "written", 7));
  come(s);
  stamping(s, SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY);
  T(send(s, "none", 4, 0));
  come(s);
  along(s, 0, 0, SO_TIMESTAMPING, SOF_TIMESTAMPING_TX_ACK, 4);
  along(s, 0, 0, SO_MARK, 5, 4);
  along(s, 0, 0, SO_RCVBUF, 5, 4);
  come(s);
  char all[64];
  T(recv(server, all, sizeof all, 0));
  close(s);
  close(server);
  close(listener);
}

int main(void) {
  // Linux begins to note times a little after the first has asked for them.
  int first = socket(AF_INET, SOCK_DGRAM, 0);
  stamping(first, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
  usleep(200000);
  datagrams(AF_INET);
  datagrams(AF_INET6);
  stream(AF_INET);
  stream(AF_INET6);
  return 0;
}
