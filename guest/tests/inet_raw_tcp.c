// Segments of TCP that a program makes by hand and sends to the machine itself by a raw socket: what answers, and that nobody takes them for a connection.
#include "../include/inet.h"
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>

#define OWN 40000
#define OPEN 40001
#define CLOSED 40002
#define FIRST 1000

static int raw, raw6, with_header;

static uint16_t sum_of(const void *bytes, size_t len, uint32_t sum) {
  const uint8_t *each = bytes;
  for (size_t i = 0; i < len; i++) sum += i % 2 ? each[i] : each[i] << 8;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return htons(~sum);
}

static struct tcphdr segment(int to, int flags, int wrong, const void *ends, size_t len) {
  struct tcphdr header = {.source = htons(OWN), .dest = htons(to), .seq = htonl(FIRST), .doff = 5, .window = htons(1024)};
  ((uint8_t *)&header)[13] = flags;
  if (flags & TH_ACK) header.ack_seq = htonl(77);
  uint8_t whole[64] = {0};
  memcpy(whole, ends, len);
  whole[len + 1] = IPPROTO_TCP;
  whole[len + 3] = sizeof header;
  memcpy(whole + len + 4, &header, sizeof header);
  header.check = sum_of(whole, len + 4 + sizeof header, wrong);
  return header;
}

static const char *port(uint16_t number) {
  int is = ntohs(number);
  return is == OWN ? "own" : is == OPEN ? "open" : is == CLOSED ? "closed" : "?";
}

// Prints so many packets that the raw socket sees, and whether there are more.
static void seen(int fd, int count, int skip) {
  uint8_t bytes[2048];
  struct pollfd ready = {fd, POLLIN, 0};
  for (int i = 0; poll(&ready, 1, i < count ? 10000 : 50) > 0 && i < count + 3; i++) {
    ssize_t len = recv(fd, bytes, sizeof bytes, 0);
    struct tcphdr *header = (struct tcphdr *)(bytes + skip);
    if (len < skip + (ssize_t)sizeof *header) continue;
    uint32_t seq = ntohl(header->seq), ack = ntohl(header->ack_seq);
    int is_begin = header->syn && header->ack;
    printf("  %s to %s:%s%s%s%s", port(header->source), port(header->dest), header->syn ? " SYN" : "", header->fin ? " FIN" : "", header->rst ? " RST" : "", header->ack ? " ACK" : "");
    printf(" seq %s%u ack %u\n", is_begin ? "any " : "", is_begin ? 0 : seq, ack);
  }
}

static void try(const char *what, int to, int flags, int wrong, int count) {
  struct sockaddr_in where = at("127.0.0.1", 0);
  in_addr_t ends[2] = {where.sin_addr.s_addr, where.sin_addr.s_addr};
  struct {
    struct iphdr ip;
    struct tcphdr tcp;
  } whole = {.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP, .saddr = ends[0], .daddr = ends[1]}};
  whole.tcp = segment(to, flags, wrong, ends, sizeof ends);
  SAY("%s", what);
  if (with_header) T(sendto(raw, &whole, sizeof whole, 0, (struct sockaddr *)&where, sizeof where));
  else T(sendto(raw, &whole.tcp, sizeof whole.tcp, 0, (struct sockaddr *)&where, sizeof where));
  seen(raw, count, 20);
}

static void try6(int to, int flags, int count) {
  struct sockaddr_in6 where = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  struct in6_addr ends[2] = {where.sin6_addr, where.sin6_addr};
  struct tcphdr header = segment(to, flags, 0, ends, sizeof ends);
  T(sendto(raw6, &header, sizeof header, 0, (struct sockaddr *)&where, sizeof where));
  seen(raw6, count, 0);
}

int main(void) {
  own_network();
  int listener = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(OPEN)};
  T(bind(listener, (struct sockaddr *)&any, sizeof any));
  T(listen(listener, 4));
  raw = socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
  try("begins, nobody listens", CLOSED, TH_SYN, 0, 2);
  try("begins, somebody listens", OPEN, TH_SYN, 0, 3);
  try("again", OPEN, TH_SYN, 0, 3);
  try("an answer to nothing", OPEN, TH_ACK, 0, 2);
  try("an answer to nobody", CLOSED, TH_ACK, 0, 2);
  try("both at once", OPEN, TH_SYN | TH_ACK, 0, 2);
  try("an end, somebody listens", OPEN, TH_FIN, 0, 1);
  try("an end, nobody listens", CLOSED, TH_FIN, 0, 2);
  try("nothing, somebody listens", OPEN, 0, 0, 1);
  try("nothing, nobody listens", CLOSED, 0, 0, 2);
  try("refuses", CLOSED, TH_RST, 0, 1);
  try("a wrong checksum", CLOSED, TH_SYN, 1, 1);
  T(setsockopt(raw, IPPROTO_IP, IP_HDRINCL, &one, sizeof one));
  with_header = 1;
  try("with its own header", CLOSED, TH_SYN, 0, 2);
  try("with its own header", OPEN, TH_SYN, 0, 3);
  raw6 = socket(AF_INET6, SOCK_RAW, IPPROTO_TCP);
  try6(CLOSED, TH_SYN, 2);
  try6(OPEN, TH_SYN, 3);
  T(accept(listener, NULL, NULL));
  // Who connects as all do is not disturbed.
  int client = socket(AF_INET6, SOCK_STREAM, 0);
  any.sin6_addr = in6addr_loopback;
  T(connect(client, (struct sockaddr *)&any, sizeof any));
  struct pollfd ready = {listener, POLLIN, 0};
  T(poll(&ready, 1, 10000));
  IS(accept(listener, NULL, NULL) >= 0);
  return 0;
}
