// Packets that a program makes by hand, with their header, for the machine itself: fragments are put together, what is wrong is dropped.
#include "../include/t.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <sys/socket.h>

static struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = 0x0100007f};
static struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
static uint8_t whole[2048];
static int udp4, udp6, raw4, raw6;

static uint16_t sum_of(const void *bytes, size_t len, uint32_t sum) {
  const uint8_t *each = bytes;
  for (size_t i = 0; i < len; i++) sum += i % 2 ? each[i] : each[i] << 8;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum;
}

// A datagram of so many bytes, without a checksum in the older protocol.
static size_t datagram(int newer, size_t len) {
  uint16_t port = newer ? six.sin6_port : four.sin_port, all = htons(len + 8);
  memset(whole, 0, sizeof whole);
  memcpy(whole, &port, 2);
  memcpy(whole + 2, &port, 2);
  memcpy(whole + 4, &all, 2);
  for (size_t i = 0; i < len; i++) whole[8 + i] = 'a' + i % 26;
  if (newer) {
    uint8_t before[40] = {0};
    before[15] = before[31] = 1;
    memcpy(before + 34, &all, 2);
    before[39] = IPPROTO_UDP;
    uint16_t first = ~sum_of(before, sizeof before, 0), sum = htons(sum_of(whole, len + 8, first));
    memcpy(whole + 6, &sum, 2);
  }
  return len + 8;
}

static void send4(size_t offset, size_t len, int more, int number, int from) {
  uint8_t packet[2100];
  struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .id = htons(number), .frag_off = htons(offset / 8 | (more ? 0x2000 : 0)), .saddr = from ? four.sin_addr.s_addr : 0, .daddr = four.sin_addr.s_addr};
  memcpy(packet, &ip, sizeof ip);
  memcpy(packet + sizeof ip, whole + offset, len);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = four.sin_addr};
  if (sendto(raw4, packet, sizeof ip + len, 0, (void *)&to, sizeof to) < 0) SAY("sendto: %s", t_error(errno));
}

static void send6(size_t offset, size_t len, int more, uint32_t number) {
  uint8_t packet[2100];
  int is_part = offset || more;
  struct ip6_hdr ip = {.ip6_src = six.sin6_addr, .ip6_dst = six.sin6_addr};
  struct ip6_frag part = {.ip6f_nxt = IPPROTO_UDP, .ip6f_offlg = htons(offset | more), .ip6f_ident = htonl(number)};
  size_t extra = is_part ? sizeof part : 0;
  ip.ip6_vfc = 0x60;
  ip.ip6_plen = htons(extra + len);
  ip.ip6_nxt = is_part ? IPPROTO_FRAGMENT : IPPROTO_UDP;
  ip.ip6_hlim = 64;
  memcpy(packet, &ip, sizeof ip);
  memcpy(packet + sizeof ip, &part, extra);
  memcpy(packet + sizeof ip + extra, whole + offset, len);
  struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_addr = six.sin6_addr};
  if (sendto(raw6, packet, sizeof ip + extra + len, 0, (void *)&to, sizeof to) < 0) SAY("sendto: %s", t_error(errno));
}

static void came(const char *what, int s) {
  char bytes[2048];
  struct pollfd waits = {s, POLLIN, 0};
  if (poll(&waits, 1, 100) == 0) {
    SAY("%s: nothing", what);
    return;
  }
  long len = recv(s, bytes, sizeof bytes, 0);
  int same = 1;
  for (long i = 0; i < len; i++) same &= bytes[i] == 'a' + i % 26;
  SAY("%s: %ld bytes, %s", what, len, same ? "in order" : "not in order");
}

int main(void) {
  socklen_t len4 = sizeof four, len6 = sizeof six;
  udp4 = socket(AF_INET, SOCK_DGRAM, 0), udp6 = socket(AF_INET6, SOCK_DGRAM, 0);
  raw4 = socket(AF_INET, SOCK_RAW, IPPROTO_RAW), raw6 = socket(AF_INET6, SOCK_RAW, IPPROTO_RAW);
  if (raw4 < 0 || raw6 < 0) {
    SAY("no rights");
    return 0;
  }
  T(bind(udp4, (void *)&four, len4));
  T(getsockname(udp4, (void *)&four, &len4));
  T(bind(udp6, (void *)&six, len6));
  T(getsockname(udp6, (void *)&six, &len6));
  int value = -1;
  socklen_t len = sizeof value;
  T(getsockopt(raw4, IPPROTO_IP, IP_HDRINCL, &value, &len));
  SAY("IP_HDRINCL %d", value);
  T(getsockopt(raw6, IPPROTO_IPV6, 36, &value, &len));
  SAY("IPV6_HDRINCL %d", value);
  size_t all = datagram(0, 600);
  send4(0, all, 0, 7, 1);
  came("whole", udp4);
  send4(0, all, 0, 0, 0);
  came("without a source", udp4);
  send4(0, 200, 1, 8, 1);
  came("the first of three", udp4);
  send4(400, all - 400, 0, 8, 1);
  send4(200, 200, 1, 8, 1);
  came("three fragments", udp4);
  send4(200, 200, 1, 9, 1);
  send4(400, all - 400, 0, 9, 1);
  send4(0, 200, 1, 10, 1);
  came("of two datagrams", udp4);
  send4(0, 200, 1, 11, 1);
  send4(160, all - 160, 0, 11, 1);
  came("that overlap", udp4);
  send4(0, 8, 0, 12, 1);
  came("cut off", udp4);
  all = datagram(1, 600);
  send6(0, all, 0, 0);
  came("whole", udp6);
  send6(400, all - 400, 0, 21);
  send6(0, 200, 1, 21);
  send6(200, 200, 1, 21);
  came("three fragments", udp6);
  send6(0, 200, 1, 22);
  send6(160, all - 160, 0, 22);
  came("that overlap", udp6);
  whole[20] ^= 1;
  send6(0, all, 0, 0);
  came("with a wrong sum", udp6);
  struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_addr = six.sin6_addr};
  T(sendto(raw6, whole, 20, 0, (void *)&to, sizeof to));
  struct sockaddr_in there = {.sin_family = AF_INET, .sin_addr = four.sin_addr};
  T(sendto(raw4, whole, 10, 0, (void *)&there, sizeof there));
  return 0;
}
