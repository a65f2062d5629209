// Refusals within the machine: what packet sockets, raw sockets and the error queue see of a datagram that nobody is there for.
#include "../include/inet.h"
#include <linux/errqueue.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>

#define CLOSED 7013

static unsigned char bytes[4096];

static long got(int fd) {
  struct pollfd p = {fd, POLLIN, 0};
  return poll(&p, 1, 300) > 0 ? recv(fd, bytes, sizeof bytes, 0) : -1;
}

// An ICMP message and what it quotes.
static void message(const char *who, const unsigned char *at, long len) {
  const struct ip *quoted = (const void *)(at + 8);
  const struct udphdr *udp = (const void *)(at + 8 + quoted->ip_hl * 4);
  SAY("%s: kind %d code %d, %ld bytes; quotes protocol %d of %d bytes to port %d", who, at[0], at[1], len, quoted->ip_p, ntohs(quoted->ip_len), ntohs(udp->dest));
}

static void frames(int fd) {
  struct sockaddr_ll from;
  socklen_t len = sizeof from;
  struct pollfd p = {fd, POLLIN, 0};
  while (poll(&p, 1, 300) > 0) {
    long count = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &len);
    const struct ip *ip = (const void *)bytes;
    if (ntohs(from.sll_protocol) == ETHERTYPE_IPV6) {
      const unsigned char *body = bytes + 40;
      SAY("frame (%d): newer, next %d, %ld bytes, hops %d, class %d%s", from.sll_pkttype, bytes[6], count, bytes[7], (bytes[0] & 15) << 4 | bytes[1] >> 4, bytes[6] == 58 ? "" : ", asks");
      if (bytes[6] == 58) SAY("kind %d code %d, quotes next %d to port %d", body[0], body[1], body[8 + 6], body[8 + 42] << 8 | body[8 + 43]);
      continue;
    }
    SAY("frame (%d): protocol %d, %ld bytes, hops %d, service %x", from.sll_pkttype, ip->ip_p, count, ip->ip_ttl, ip->ip_tos);
    if (ip->ip_p == IPPROTO_ICMP) message("in it", bytes + 20, count - 20);
  }
}

static void trouble(int fd) {
  char control[512];
  struct iovec part = {bytes, sizeof bytes};
  struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  long len = recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  struct sock_extended_err *e = c ? (void *)CMSG_DATA(c) : 0;
  if (len < 0 || !e) {
    SAY("no trouble: %s", len < 0 ? t_error(errno) : "nothing along");
    return;
  }
  SAY("trouble: %ld bytes, %s, origin %d, kind %d code %d", len, t_error(e->ee_errno), e->ee_origin, e->ee_type, e->ee_code);
}

int main(void) {
  own_network();
  int lo = if_nametoindex("lo"), one = 1;
  int all = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL)), raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  int raw6 = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), udp = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_ll on = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = lo};
  struct sockaddr_in closed = at("127.0.0.1", CLOSED);
  T(bind(all, (struct sockaddr *)&on, sizeof on));
  T(setsockopt(udp, IPPROTO_IP, IP_RECVERR, &one, sizeof one));

  SAY("connected");
  T(connect(udp, (struct sockaddr *)&closed, sizeof closed));
  T(send(udp, "abc", 3, 0));
  T(send(udp, "abc", 3, 0));
  trouble(udp);
  frames(all);
  long len = got(raw);
  if (len > 20) message("raw", bytes + 20, len - 20);

  SAY("a long one");
  static char much[2000];
  T(send(udp, much, sizeof much, 0));
  T(send(udp, much, 1, 0));
  trouble(udp);
  frames(all);
  len = got(raw);
  if (len > 20) message("raw", bytes + 20, len - 20);
  close(udp);

  SAY("many, one after the other");
  udp = socket(AF_INET, SOCK_DGRAM, 0);
  T(connect(udp, (struct sockaddr *)&closed, sizeof closed));
  int refused = 0;
  for (int i = 0; i < 200; i++) {
    send(udp, "abc", 3, 0);
    refused += recv(udp, bytes, sizeof bytes, MSG_DONTWAIT) < 0 && errno == ECONNREFUSED;
  }
  SAY("%d refused", refused);
  close(udp);
  close(raw), close(all);
  all = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
  T(bind(all, (struct sockaddr *)&on, sizeof on));

  SAY("not connected");
  udp = socket(AF_INET, SOCK_DGRAM, 0);
  T(sendto(udp, "abc", 3, 0, (struct sockaddr *)&closed, sizeof closed));
  T(sendto(udp, "abc", 3, 0, (struct sockaddr *)&closed, sizeof closed));
  trouble(udp);
  close(udp);

  SAY("UDP-Lite");
  udp = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
  T(connect(udp, (struct sockaddr *)&closed, sizeof closed));
  T(send(udp, "abc", 3, 0));
  T(send(udp, "abc", 3, 0));
  close(udp);
  frames(all);

  SAY("the newer protocol");
  struct sockaddr_in6 closed6 = {.sin6_family = AF_INET6, .sin6_port = htons(CLOSED), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  udp = socket(AF_INET6, SOCK_DGRAM, 0);
  T(connect(udp, (struct sockaddr *)&closed6, sizeof closed6));
  T(send(udp, "abc", 3, 0));
  T(send(udp, "abc", 3, 0));
  frames(all);
  len = got(raw6);
  SAY("raw: kind %d code %d, %ld bytes", bytes[0], bytes[1], len);
  return done();
}
