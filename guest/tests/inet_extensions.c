// Headers of IPv6 behind the first one (IPV6_HOPOPTS, IPV6_DSTOPTS, IPV6_RTHDR, …): kept by the socket or along with a datagram, sent and received; flow labels; lengths of packets.
//: root
#include "../include/inet.h"
#include <grp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <sys/wait.h>

#define NOBODY 77
enum { PKTINFO_OLD = 2, HOPOPTS_OLD = 3, DSTOPTS_OLD = 4, RTHDR_OLD = 5, HOPLIMIT_OLD = 8, FLOWINFO = 11, FLOWLABEL_MGR = 32, FLOWINFO_SEND = 33 };

// One option of two bytes that nobody knows and that may be skipped, and padding.
static const unsigned char hop[8] = {0, 0, 0x1e, 2, 0xaa, 0xbb, 1, 0}, destination[16] = {0, 1, 0x1e, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 0};
static const unsigned char routing0[24] = {0, 2, 0, 1}, routing9[8] = {0, 0, 9, 0};

static struct sockaddr_in6 at6(const char *ip, int port) {
  struct sockaddr_in6 where = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  inet_pton(AF_INET6, ip, &where.sin6_addr);
  return where;
}

static int number(int fd, int name, int value) { return setsockopt(fd, IPPROTO_IPV6, name, &value, sizeof value); }
static int value_of(int fd, int name) {
  int value = -1;
  socklen_t len = sizeof value;
  return getsockopt(fd, IPPROTO_IPV6, name, &value, &len) ? -errno : value;
}

static void show_bytes(const unsigned char *bytes, int len) {
  for (int i = 0; i < len; i++) printf("%02x", bytes[i]);
}

static void kept(int fd, int name) {
  unsigned char bytes[64];
  memset(bytes, 0xee, sizeof bytes);
  for (int room = 0; room <= 64; room = room ? room * 4 : 4) {
    socklen_t len = room;
    printf(" %d:", room);
    if (getsockopt(fd, IPPROTO_IPV6, name, bytes, &len)) printf("%s", t_error(errno));
    else printf("%d=", len), show_bytes(bytes, len);
  }
  printf("\n");
}

#define SET(name, bytes, len) T(setsockopt(fd, IPPROTO_IPV6, name, bytes, len))

static void keeping(int kind, int protocol) {
  int fd = socket(AF_INET6, kind, protocol);
  kept(fd, IPV6_HOPOPTS);
  SET(IPV6_HOPOPTS, hop, 8);
  SET(IPV6_DSTOPTS, destination, 16);
  SET(IPV6_RTHDRDSTOPTS, hop, 8);
  kept(fd, IPV6_HOPOPTS);
  kept(fd, IPV6_DSTOPTS);
  kept(fd, IPV6_RTHDRDSTOPTS);
  kept(fd, IPV6_RTHDR);
  SET(IPV6_HOPOPTS, hop, 1);
  SET(IPV6_HOPOPTS, hop, 7);
  SET(IPV6_HOPOPTS, destination, 8);
  SET(IPV6_HOPOPTS, destination, 16);
  kept(fd, IPV6_HOPOPTS);
  SET(IPV6_HOPOPTS, NULL, 8);
  SET(IPV6_RTHDR, routing0, 24);
  SET(IPV6_RTHDR, routing9, 8);
  SET(IPV6_HOPOPTS, hop, 0);
  kept(fd, IPV6_HOPOPTS);
  SET(IPV6_DSTOPTS, NULL, 0);
  kept(fd, IPV6_DSTOPTS);
  struct in6_pktinfo info = {.ipi6_ifindex = 1};
  SET(IPV6_PKTINFO, &info, sizeof info);
  SET(IPV6_PKTINFO, &info, 8);
  SET(IPV6_PKTINFO, &info, 0);
  kept(fd, IPV6_PKTINFO);
  info.ipi6_ifindex = 4711;
  SET(IPV6_PKTINFO, &info, sizeof info);
  close(fd);
}

static int named(int port) {
  int fd = socket(AF_INET6, SOCK_DGRAM, 0);
  struct sockaddr_in6 where = at6("::1", port);
  if (bind(fd, (struct sockaddr *)&where, sizeof where)) SAY("bind: %s", t_error(errno));
  return fd;
}

static void receive(int fd) {
  char bytes[3000];
  unsigned char control[1024];
  struct sockaddr_in6 from = {0};
  struct iovec iov = {bytes, sizeof bytes};
  struct msghdr m = {&from, sizeof from, &iov, 1, control, sizeof control, 0};
  struct pollfd p = {fd, POLLIN, 0};
  poll(&p, 1, 1000);
  ssize_t len = recvmsg(fd, &m, MSG_DONTWAIT);
  if (len < 0) { SAY("nothing: %s", t_error(errno)); return; }
  printf("%zd bytes, flow %08x", len, ntohl(from.sin6_flowinfo));
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
    if (c->cmsg_type == FLOWINFO && (CMSG_DATA(c)[1] & 8)) { printf(", own flow"); continue; }
    printf(", %d/%d ", c->cmsg_level, c->cmsg_type);
    show_bytes(CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
  }
  printf("\n");
}

static int sent(int fd, int port, const char *text) {
  struct sockaddr_in6 where = at6("::1", port);
  return sendto(fd, text, strlen(text), 0, (struct sockaddr *)&where, sizeof where);
}

static int along(int fd, int port, int kind, const void *body, int len) {
  struct sockaddr_in6 where = at6("::1", port);
  char control[CMSG_SPACE(64)] = {0};
  struct iovec iov = {"along", 5};
  struct msghdr m = {&where, sizeof where, &iov, 1, control, CMSG_SPACE(len), 0};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = IPPROTO_IPV6;
  c->cmsg_type = kind;
  c->cmsg_len = CMSG_LEN(len);
  memcpy(CMSG_DATA(c), body, len);
  return sendmsg(fd, &m, 0);
}

static void sending(void) {
  int own = named(4500), fd = socket(AF_INET6, SOCK_DGRAM, 0);
  int all[] = {IPV6_RECVHOPOPTS, IPV6_RECVDSTOPTS, IPV6_RECVRTHDR};
  for (int i = 0; i < 3; i++) T(number(own, all[i], 1));
  T(sent(fd, 4500, "plain"));
  receive(own);
  SET(IPV6_HOPOPTS, hop, 8);
  T(sent(fd, 4500, "hop"));
  receive(own);
  SET(IPV6_DSTOPTS, destination, 16);
  T(sent(fd, 4500, "both"));
  receive(own);
  SET(IPV6_RTHDRDSTOPTS, hop, 8);
  T(sent(fd, 4500, "without a way"));
  receive(own);
  // What goes along takes the place of what is kept.
  T(along(fd, 4500, IPV6_HOPOPTS, destination, 16));
  receive(own);
  T(along(fd, 4500, IPV6_DSTOPTS, hop, 8));
  receive(own);
  T(along(fd, 4500, HOPOPTS_OLD, hop, 8));
  receive(own);
  T(along(fd, 4500, DSTOPTS_OLD, hop, 8));
  receive(own);
  T(along(fd, 4500, IPV6_HOPOPTS, destination, 8));
  T(along(fd, 4500, IPV6_HOPOPTS, destination, 1));
  T(along(fd, 4500, IPV6_RTHDR, routing0, 24));
  T(along(fd, 4500, RTHDR_OLD, routing9, 8));
  T(along(fd, 4500, IPV6_NEXTHOP, destination, 16));
  SET(IPV6_HOPOPTS, hop, 0);
  SET(IPV6_DSTOPTS, hop, 0);
  // The older names.
  for (int i = 0; i < 3; i++) T(number(own, all[i], 0));
  int old[] = {PKTINFO_OLD, HOPOPTS_OLD, DSTOPTS_OLD, HOPLIMIT_OLD};
  for (int i = 0; i < 4; i++) T(number(own, old[i], 1));
  for (int i = 0; i < 4; i++) printf("%d ", value_of(own, old[i]));
  printf("\n");
  SET(IPV6_HOPOPTS, hop, 8);
  SET(IPV6_DSTOPTS, hop, 8);
  T(sent(fd, 4500, "older names"));
  receive(own);
  struct in6_pktinfo info = {.ipi6_ifindex = 1};
  T(along(fd, 4500, PKTINFO_OLD, &info, sizeof info));
  receive(own);
  int hops = 7;
  T(along(fd, 4500, HOPLIMIT_OLD, &hops, sizeof hops));
  receive(own);
  hops = 256;
  T(along(fd, 4500, IPV6_HOPLIMIT, &hops, sizeof hops));
  T(along(fd, 4500, IPV6_TCLASS, &hops, sizeof hops));
  hops = -2;
  T(along(fd, 4500, IPV6_HOPLIMIT, &hops, sizeof hops));
  T(along(fd, 4500, IPV6_TCLASS, &hops, sizeof hops));
  T(along(fd, 4500, IPV6_HOPLIMIT, &info, 8));
  T(along(fd, 4500, IPV6_DONTFRAG, &hops, sizeof hops));
  info.ipi6_ifindex = 4711;
  SET(IPV6_PKTINFO, &info, sizeof info);
  T(sent(fd, 4500, "nowhere"));
  close(fd);
  close(own);
}

static void rights(void) {
  int fd = socket(AF_INET6, SOCK_DGRAM, 0);
  if (fork() == 0) {
    setgroups(0, NULL);
    setresgid(NOBODY, NOBODY, NOBODY);
    setresuid(NOBODY, NOBODY, NOBODY);
    SET(IPV6_HOPOPTS, hop, 8);
    SET(IPV6_HOPOPTS, hop, 0);
    SET(IPV6_DSTOPTS, hop, 8);
    SET(IPV6_RTHDR, routing0, 24);
    SET(IPV6_RTHDR, NULL, 0);
    T(along(fd, 4501, IPV6_HOPOPTS, hop, 8));
    T(along(fd, 4501, IPV6_DSTOPTS, hop, 8));
    exit(done());
  }
  int status;
  wait(&status);
  close(fd);
}

static void flows(void) {
  int own = named(4510), fd = socket(AF_INET6, SOCK_DGRAM, 0);
  T(number(own, FLOWINFO, 1));
  T(number(fd, IPV6_AUTOFLOWLABEL, 0));
  struct sockaddr_in6 where = at6("::1", 4510);
  where.sin6_flowinfo = htonl(0x0a012345);
  T(sendto(fd, "x", 1, 0, (struct sockaddr *)&where, sizeof where));
  receive(own);
  T(value_of(fd, FLOWINFO_SEND));
  T(number(fd, FLOWINFO_SEND, 7));
  T(value_of(fd, FLOWINFO_SEND));
  where.sin6_flowinfo = htonl(0x0a000000);
  T(sendto(fd, "x", 1, 0, (struct sockaddr *)&where, sizeof where));
  receive(own);
  // Nobody has asked for this one.
  where.sin6_flowinfo = htonl(0x0a012345);
  T(sendto(fd, "x", 1, 0, (struct sockaddr *)&where, sizeof where));
  unsigned flow = htonl(0x00054321);
  T(along(fd, 4510, FLOWINFO, &flow, sizeof flow));
  flow = htonl(0x0b000000);
  T(along(fd, 4510, FLOWINFO, &flow, sizeof flow));
  receive(own);
  T(along(fd, 4510, FLOWINFO, &flow, 2));
  close(fd);
  close(own);
}

static void lengths(void) {
  int fd = socket(AF_INET6, SOCK_DGRAM, 0), own = named(4520);
  T(value_of(fd, IPV6_MTU));
  T(number(fd, IPV6_MTU, 1279));
  T(number(fd, IPV6_MTU, 1280));
  T(value_of(fd, IPV6_MTU));
  struct ip6_mtuinfo info;
  socklen_t len = sizeof info;
  T(getsockopt(fd, IPPROTO_IPV6, IPV6_PATHMTU, &info, &len));
  struct sockaddr_in6 where = at6("::1", 4520);
  T(connect(fd, (struct sockaddr *)&where, sizeof where));
  T(value_of(fd, IPV6_MTU));
  for (len = 0; len <= 40; len += 8) {
    socklen_t room = len;
    memset(&info, 0, sizeof info);
    T(getsockopt(fd, IPPROTO_IPV6, IPV6_PATHMTU, &info, &room));
    SAY("%d: %d %u %d", len, room, info.ip6m_mtu, info.ip6m_addr.sin6_family);
  }
  T(number(fd, IPV6_DONTFRAG, 1));
  T(number(fd, IPV6_RECVPATHMTU, 1));
  static char much[66000];
  T(send(fd, much, 65000, 0));
  receive(own);
  // Loopback takes more than the longest.
  T(send(fd, much, 65487, 0));
  T(send(fd, much, 65528, 0));
  receive(fd);
  close(fd);
  close(own);
}

int main(void) {
  own_network();
  keeping(SOCK_DGRAM, 0);
  keeping(SOCK_STREAM, 0);
  keeping(SOCK_RAW, 253);
  sending();
  rights();
  flows();
  lengths();
  return done();
}
