// Addresses, ports and networks for tests of sockets.
#ifndef INET_H
#define INET_H
#include "t.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// On Linux nobody else is to have the ports, or to see the settings: a network of this program's own, whose loopback is to go up.
static inline void own_network(void) {
  if (unshare(CLONE_NEWNET)) return;
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  ioctl(fd, SIOCSIFFLAGS, &request);
  close(fd);
}

static inline struct sockaddr_in at(const char *ip, int port) {
  struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, ip, &where.sin_addr);
  return where;
}

static inline int port_of(int fd) {
  struct sockaddr_storage name;
  socklen_t len = sizeof name;
  getsockname(fd, (struct sockaddr *)&name, &len);
  return ntohs(((struct sockaddr_in *)&name)->sin_port);
}

// A socket of a family on loopback with a port that was free, which listens if it can; and where that is.
static inline int on_loopback(int family, int type, struct sockaddr **where, socklen_t *len) {
  static struct sockaddr_in6 six;
  static struct sockaddr_in four;
  six = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  four = at("127.0.0.1", 0);
  *where = family == AF_INET ? (struct sockaddr *)&four : (struct sockaddr *)&six;
  *len = family == AF_INET ? sizeof four : sizeof six;
  int s = socket(family, type, 0);
  if (bind(s, *where, *len) || (type == SOCK_STREAM && listen(s, 1)) || getsockname(s, *where, len)) SAY("not on loopback: %s", t_error(errno));
  return s;
}

// The two ends of a connection of TCP within the machine.
static inline void connected(int *client, int *server) {
  struct sockaddr_in where = at("127.0.0.1", 0);
  socklen_t len = sizeof where;
  int s = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(s, (struct sockaddr *)&where, len) || listen(s, 5) || getsockname(s, (struct sockaddr *)&where, &len)) SAY("no listener: %s", t_error(errno));
  *client = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(*client, (struct sockaddr *)&where, len)) SAY("no connection: %s", t_error(errno));
  *server = accept(s, 0, 0);
  close(s);
}
#endif
