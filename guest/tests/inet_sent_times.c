// When something was sent (SO_TIMESTAMPING): told in the queue of errors.
#include "../include/t.h"
#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

enum { RECORD = SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK };

static void told(int s) {
  usleep(20000);
  struct pollfd waits = {s, 0, 0};
  poll(&waits, 1, 0);
  SAY("events %#x", waits.revents);
  for (;;) {
    char control[512], bytes[2048];
    struct iovec piece = {bytes, sizeof bytes};
    struct sockaddr_in6 name;
    struct msghdr message = {.msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    long count = recvmsg(s, &message, MSG_ERRQUEUE);
    if (count < 0) {
      SAY("queue: %s", t_error(errno));
      return;
    }
    SAY("queue: %ld bytes, the last %.1s, flags %#x, a name of %u bytes", count, count ? bytes + count - 1 : "-", message.msg_flags, message.msg_namelen);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level == SOL_SOCKET) {
        struct timespec *t = (void *)CMSG_DATA(c);
        SAY("  kind %d, %zu bytes, now: %d, %ld, %ld", c->cmsg_type, c->cmsg_len, labs(t->tv_sec - time(0)) < 10, t[1].tv_sec, t[2].tv_sec);
      } else if (c->cmsg_level == (IPPROTO_IP) && c->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo *info = (void *)CMSG_DATA(c);
        SAY("  by %d, from %s", info->ipi_ifindex, inet_ntoa(info->ipi_spec_dst));
      } else {
        struct sock_extended_err *e = (void *)CMSG_DATA(c);
        SAY("  level %d, kind %d, %zu bytes: %s, origin %u, type %u, code %u, info %u, data %u", c->cmsg_level, c->cmsg_type, c->cmsg_len, t_error(e->ee_errno), e->ee_origin, e->ee_type, e->ee_code, e->ee_info, e->ee_data);
      }
    }
  }
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

static struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
static struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = 0x0100007f};

static void datagrams(int family) {
  struct sockaddr *where = family == AF_INET ? (void *)&four : (void *)&six;
  socklen_t len = family == AF_INET ? sizeof four : sizeof six;
  int to = socket(family, SOCK_DGRAM, 0), s = socket(family, SOCK_DGRAM, 0);
  T(bind(to, where, len));
  T(getsockname(to, where, &len));
  stamping(s, SOF_TIMESTAMPING_TX_SOFTWARE);
  T(sendto(s, "one", 3, 0, where, len));
  told(s);
  stamping(s, RECORD | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY);
  T(sendto(s, "two", 3, 0, where, len));
  told(s);
  stamping(s, SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID);
  T(sendto(s, "three", 5, 0, where, len));
  T(sendto(s, "four", 4, 0, where, len));
  told(s);
  stamping(s, SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_CMSG | SOF_TIMESTAMPING_OPT_TSONLY);
  int on = 1;
  if (family == AF_INET) T(setsockopt(s, IPPROTO_IP, IP_PKTINFO, &on, sizeof on));
  T(sendto(s, "five", 4, 0, where, len));
  told(s);
  along(s, where, len, SO_TIMESTAMPING, SOF_TIMESTAMPING_TX_SOFTWARE, 4);
  along(s, where, len, SO_TIMESTAMPING, SOF_TIMESTAMPING_TX_SCHED, 4);
  along(s, where, len, SO_TIMESTAMPING, SOF_TIMESTAMPING_OPT_ID, 4);
  along(s, where, len, SO_TIMESTAMPING, SOF_TIMESTAMPING_TX_SCHED, 2);
  along(s, where, len, SO_MARK, 5, 4);
  along(s, where, len, SO_MARK, 5, 2);
  along(s, where, len, SO_RCVBUF, 5, 4);
  told(s);
  close(s);
  close(to);
}

static void stream(int family) {
  struct sockaddr *where = family == AF_INET ? (void *)&four : (void *)&six;
  socklen_t len = family == AF_INET ? sizeof four : sizeof six;
  if (family == AF_INET) four.sin_port = 0; else six.sin6_port = 0;
  int listener = socket(family, SOCK_STREAM, 0), s = socket(family, SOCK_STREAM, 0);
  T(bind(listener, where, len));
  T(listen(listener, 1));
  T(getsockname(listener, where, &len));
  stamping(s, SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_SOFTWARE);
  T(connect(s, where, len));
  int server = accept(listener, 0, 0);
  T(send(s, "before", 6, 0));
  usleep(20000);
  stamping(s, RECORD | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY);
  T(send(s, "hello", 5, 0));
  told(s);
  T(send(s, "again!", 6, 0));
  told(s);
  T(write(s, "written", 7));
  told(s);
  stamping(s, SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY);
  T(send(s, "none", 4, 0));
  told(s);
  along(s, 0, 0, SO_TIMESTAMPING, SOF_TIMESTAMPING_TX_ACK, 4);
  along(s, 0, 0, SO_MARK, 5, 4);
  along(s, 0, 0, SO_RCVBUF, 5, 4);
  told(s);
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
