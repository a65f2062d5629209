// Joins a group of each protocol on the card, and hears there what it sends itself; leaves, and hears no more.
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MUST(x) if (!(x)) return printf("failed: %s: %s\n", #x, strerror(errno)), 1

static int comes(int s, int patience) {
  struct pollfd p = {.fd = s, .events = POLLIN};
  return poll(&p, 1, patience) == 1;
}

int main(void) {
  char buffer[10];
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(5353)};
  inet_pton(AF_INET, "224.0.0.251", &to.sin_addr);
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(5353)};
  struct ip_mreqn group = {.imr_multiaddr = to.sin_addr, .imr_ifindex = if_nametoindex("eth0")};
  int r = socket(AF_INET, SOCK_DGRAM, 0), s = socket(AF_INET, SOCK_DGRAM, 0);
  MUST(bind(r, (void *)&any, sizeof any) == 0);
  MUST(sendto(s, "1", 1, 0, (void *)&to, sizeof to) == 1);
  MUST(!comes(r, 100));
  MUST(setsockopt(r, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) == 0);
  MUST(setsockopt(r, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) == -1 && errno == EADDRINUSE);
  MUST(sendto(s, "2", 1, 0, (void *)&to, sizeof to) == 1);
  MUST(comes(r, 1000) && recv(r, buffer, 10, 0) == 1 && buffer[0] == '2');
  int off = 0;
  MUST(setsockopt(s, IPPROTO_IP, IP_MULTICAST_LOOP, &off, sizeof off) == 0);
  MUST(sendto(s, "3", 1, 0, (void *)&to, sizeof to) == 1);
  MUST(!comes(r, 100));
  MUST(setsockopt(r, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof group) == 0);
  MUST(setsockopt(r, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof group) == -1 && errno == EADDRNOTAVAIL);

  struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(5354), .sin6_scope_id = if_nametoindex("eth0")};
  inet_pton(AF_INET6, "ff02::fb", &to6.sin6_addr);
  struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(5354)};
  struct ipv6_mreq group6 = {.ipv6mr_multiaddr = to6.sin6_addr, .ipv6mr_interface = if_nametoindex("eth0")};
  int r6 = socket(AF_INET6, SOCK_DGRAM, 0), s6 = socket(AF_INET6, SOCK_DGRAM, 0);
  MUST(bind(r6, (void *)&any6, sizeof any6) == 0);
  MUST(setsockopt(r6, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group6, sizeof group6) == 0);
  MUST(sendto(s6, "4", 1, 0, (void *)&to6, sizeof to6) == 1);
  MUST(comes(r6, 1000) && recv(r6, buffer, 10, 0) == 1 && buffer[0] == '4');
  close(r6);
  puts("groups were joined and left");
  return 0;
}
