// Walking the options of sockets: each on a fresh socket of each kind, read before it is set, set to many values and lengths, and read again.
#ifndef OPTIONS_H
#define OPTIONS_H
#include "t.h"
#include <netinet/in.h>
#include <sys/socket.h>

struct kind { const char *name; int family, type, protocol; };
struct option { const char *name; int level, number; };

enum { TCP4, TCP6, UDP4, UDP6, RAW4, RAW6, LOCAL_STREAM, LOCAL_DATAGRAM, NETLINK, PACKET, KINDS };
static const struct kind kinds[KINDS] = {
  {"tcp4", AF_INET, SOCK_STREAM, 0}, {"tcp6", AF_INET6, SOCK_STREAM, 0}, {"udp4", AF_INET, SOCK_DGRAM, 0}, {"udp6", AF_INET6, SOCK_DGRAM, 0},
  {"raw4", AF_INET, SOCK_RAW, IPPROTO_ICMP}, {"raw6", AF_INET6, SOCK_RAW, IPPROTO_ICMPV6}, {"unix", AF_UNIX, SOCK_STREAM, 0},
  {"unixd", AF_UNIX, SOCK_DGRAM, 0}, {"netlink", AF_NETLINK, SOCK_RAW, 0}, {"packet", AF_PACKET, SOCK_RAW, 0},
};

static void show_option(int fd, const struct option *o, int room) {
  unsigned char value[300];
  memset(value, 0xaa, sizeof value);
  socklen_t len = room;
  if (getsockopt(fd, o->level, o->number, value, &len)) {
    printf(" %s", t_error(errno));
    return;
  }
  if (len == 4) {
    int number;
    memcpy(&number, value, 4);
    printf(" %d", number);
    return;
  }
  printf(" %d:", len);
  for (socklen_t i = 0; i < len && i < 24; i++) printf("%02x", value[i]);
}

static void try_option(int fd, const struct option *o, const char *what, const void *value, int len) {
  printf(" %s", what);
  if (setsockopt(fd, o->level, o->number, value, len)) printf(" %s", t_error(errno));
  else { printf(" ok:"); show_option(fd, o, 64); }
  printf(",");
}

// Lengths that are wrong, and numbers that may be.
static void walk_option(const struct kind *k, const struct option *o) {
  static const int numbers[] = {1, 0, -1, -2, 2, 3, 6, 8, 64, 255, 256, 1000, 65535, 65536, 1 << 20, INT_MIN};
  int fd = socket(k->family, k->type, k->protocol);
  if (fd < 0) { SAY("%s: %s", k->name, t_error(errno)); return; }
  printf("%s %s:", k->name, o->name);
  static const int rooms[] = {64, 0, 1, 2, 3, 5, 8, -1};
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) show_option(fd, o, rooms[i]);
  printf(";");
  long wide[4] = {1, 0, 0, 0};
  static const int lens[] = {0, 1, 2, 3, 5, 8, 16, -1};
  for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
    char what[16];
    snprintf(what, sizeof what, "/%d", lens[i]);
    try_option(fd, o, what, wide, lens[i]);
  }
  close(fd);
  fd = socket(k->family, k->type, k->protocol);
  printf(";");
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    char what[16];
    // What is beyond a machine's own limits.
    bool is_size = o->level == SOL_SOCKET && (o->number == SO_SNDBUF || o->number == SO_RCVBUF || o->number == SO_RCVLOWAT);
    if (is_size && (numbers[i] < 0 || numbers[i] > 65536)) continue;
    snprintf(what, sizeof what, "=%d", numbers[i]);
    try_option(fd, o, what, &numbers[i], 4);
  }
  printf("\n");
  close(fd);
}
#endif
