// What is set below /proc/sys/net has the effect that it has on Linux.
#include "../include/inet.h"
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/un.h>

static int set(const char *name, const char *value) {
  char path[128];
  snprintf(path, sizeof path, "/proc/sys/net/%s", name);
  int fd = open(path, O_WRONLY);
  if (fd < 0) return -1;
  int written = (int)write(fd, value, strlen(value)), error = errno;
  close(fd);
  errno = error;
  return written < 0 ? -1 : 0;
}

static void tell(const char *name) {
  char path[128], text[256];
  snprintf(path, sizeof path, "/proc/sys/net/%s", name);
  int fd = open(path, O_RDONLY);
  ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  text[len < 0 ? 0 : len] = 0;
  printf("%s: %s%s", name, text, len > 0 ? "" : "?\n");
  close(fd);
}

static int option(int kind, int level, int name) {
  int s = socket(AF_INET, kind, 0), value = -1;
  socklen_t len = sizeof value;
  getsockopt(s, level, name, &value, &len);
  close(s);
  return value;
}

static void ports(void) {
  struct sockaddr_in any = at("127.0.0.1", 0);
  T(set("ipv4/ip_local_port_range", "40000 40009"));
  tell("ipv4/ip_local_port_range");
  T(set("ipv4/ip_local_reserved_ports", "40003,40005-40006"));
  tell("ipv4/ip_local_reserved_ports");
  int all[16], count = 0, error = 0;
  bool wrong = false;
  for (int i = 0; i < 16; i++) {
    struct sockaddr_in own = any;
    socklen_t len = sizeof own;
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(s, (struct sockaddr *)&own, len)) error = errno;
    else {
      getsockname(s, (struct sockaddr *)&own, &len);
      int port = ntohs(own.sin_port);
      wrong = wrong || port < 40000 || port > 40009 || port == 40003 || port == 40005 || port == 40006;
      count++;
    }
    all[i] = s;
  }
  SAY("%d ports, then %s", count, t_error(error));
  IS(!wrong);
  for (int i = 0; i < 16; i++) close(all[i]);
  struct sockaddr_in reserved = at("127.0.0.1", 40003);
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  T(bind(s, (struct sockaddr *)&reserved, sizeof reserved));
  close(s);
  T(set("ipv4/ip_local_port_range", "5"));
  T(set("ipv4/ip_local_port_range", "7000 6000"));
  T(set("ipv4/ip_local_port_range", "100 7000"));
  T(set("ipv4/ip_unprivileged_port_start", "50000"));
  T(set("ipv4/ip_local_reserved_ports", "70000"));
  T(set("ipv4/ip_local_reserved_ports", "\n"));
  T(set("ipv4/ip_local_port_range", "32768 60999"));
  T(set("ipv4/ip_unprivileged_port_start", "0"));
  tell("ipv4/ip_unprivileged_port_start");
  T(set("ipv4/ip_unprivileged_port_start", "1024"));
}

static void hops(void) {
  T(set("ipv4/ip_default_ttl", "33"));
  SAY("IP_TTL: %d", option(SOCK_STREAM, IPPROTO_IP, IP_TTL));
  struct sockaddr_in own = at("127.0.0.1", 0);
  socklen_t len = sizeof own;
  int to = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
  bind(to, (struct sockaddr *)&own, len);
  getsockname(to, (struct sockaddr *)&own, &len);
  setsockopt(to, IPPROTO_IP, IP_RECVTTL, &on, sizeof on);
  int from = socket(AF_INET, SOCK_DGRAM, 0);
  sendto(from, "x", 1, 0, (struct sockaddr *)&own, sizeof own);
  char byte, control[64];
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  T(recvmsg(to, &message, 0));
  struct cmsghdr *c = CMSG_FIRSTHDR(&message);
  SAY("came with %d hops left", c && c->cmsg_type == IP_TTL ? *(int *)(void *)CMSG_DATA(c) : -1);
  close(from);
  close(to);
  T(set("ipv4/ip_default_ttl", "0"));
  T(set("ipv4/ip_default_ttl", "256"));
  T(set("ipv4/ip_default_ttl", "64"));
}

static void foreign(void) {
  struct sockaddr_in a = at("192.0.2.1", 0);
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  OK(bind(s, (struct sockaddr *)&a, sizeof a));
  T(set("ipv4/ip_nonlocal_bind", "1"));
  T(bind(s, (struct sockaddr *)&a, sizeof a));
  close(s);
  T(set("ipv4/ip_nonlocal_bind", "0"));
}

static void streams(void) {
  T(set("ipv4/tcp_keepalive_time", "600"));
  T(set("ipv4/tcp_keepalive_intvl", "20"));
  T(set("ipv4/tcp_keepalive_probes", "4"));
  T(set("ipv4/tcp_syn_retries", "2"));
  T(set("ipv4/tcp_fin_timeout", "30"));
  int names[] = {TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_SYNCNT, TCP_LINGER2};
  for (int i = 0; i < 5; i++) SAY("option %d: %d", names[i], option(SOCK_STREAM, IPPROTO_TCP, names[i]));
  T(set("ipv4/tcp_keepalive_probes", "256"));
  T(set("ipv4/tcp_syn_retries", "0"));
  T(set("ipv4/tcp_syn_retries", "128"));
  T(set("ipv4/tcp_ecn", "-1"));
  T(set("ipv4/tcp_timestamps", "yes"));
  T(set("ipv4/tcp_sack", ""));
  T(set("ipv4/tcp_rmem", "4096 65536 1000000"));
  SAY("SO_RCVBUF: %d", option(SOCK_STREAM, SOL_SOCKET, SO_RCVBUF));
  T(set("ipv4/tcp_wmem", "4096 20000"));
  SAY("SO_SNDBUF: %d", option(SOCK_STREAM, SOL_SOCKET, SO_SNDBUF));
  T(set("ipv4/tcp_congestion_control", "reno"));
  tell("ipv4/tcp_congestion_control");
  char kind[16] = "";
  socklen_t len = sizeof kind;
  int s = socket(AF_INET, SOCK_STREAM, 0);
  getsockopt(s, IPPROTO_TCP, TCP_CONGESTION, kind, &len);
  SAY("congestion control: %s", kind);
  close(s);
  T(set("ipv4/tcp_congestion_control", "nobody"));
}

static void newer(void) {
  struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  int s = socket(AF_INET6, SOCK_DGRAM, 0);
  T(bind(s, (struct sockaddr *)&own, sizeof own));
  close(s);
  T(set("ipv6/conf/all/disable_ipv6", "1"));
  tell("ipv6/conf/lo/disable_ipv6");
  tell("ipv6/conf/default/disable_ipv6");
  s = socket(AF_INET6, SOCK_DGRAM, 0);
  OK(bind(s, (struct sockaddr *)&own, sizeof own));
  own.sin6_addr = in6addr_any;
  T(bind(s, (struct sockaddr *)&own, sizeof own));
  close(s);
  own.sin6_addr = in6addr_loopback;
  own.sin6_port = htons(9);
  s = socket(AF_INET6, SOCK_STREAM, 0);
  IS(connect(s, (struct sockaddr *)&own, sizeof own) == -1 && (errno == EADDRNOTAVAIL || errno == ENETUNREACH));
  close(s);
  T(set("ipv6/conf/all/disable_ipv6", "0"));
  own.sin6_port = 0;
  s = socket(AF_INET6, SOCK_DGRAM, 0);
  T(bind(s, (struct sockaddr *)&own, sizeof own));
  close(s);
}

static bool is_echoed(void) {
  struct {
    struct icmphdr header;
    char bytes[8];
  } question = {.header = {.type = ICMP_ECHO, .un.echo.id = 7}};
  unsigned sum = 0;
  for (size_t i = 0; i < sizeof question / 2; i++) sum += ((uint16_t *)(void *)&question)[i];
  question.header.checksum = (uint16_t)~((sum & 0xffff) + (sum >> 16));
  struct sockaddr_in a = at("127.0.0.1", 0);
  int s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  sendto(s, &question, sizeof question, 0, (struct sockaddr *)&a, sizeof a);
  unsigned char got[64];
  struct pollfd p = {s, POLLIN, 0};
  bool echoed = false;
  while (!echoed && poll(&p, 1, 300) == 1 && recv(s, got, sizeof got, 0) > 28) echoed = got[20] == ICMP_ECHOREPLY;
  close(s);
  return echoed;
}

static void echoes(void) {
  IS(is_echoed());
  T(set("ipv4/icmp_echo_ignore_all", "1"));
  IS(!is_echoed());
  T(set("ipv4/icmp_echo_ignore_all", "0"));
  IS(is_echoed());
}

static void local(void) {
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0settings"};
  socklen_t len = offsetof(struct sockaddr_un, sun_path) + 9;
  T(set("unix/max_dgram_qlen", "5"));
  int to = socket(AF_UNIX, SOCK_DGRAM, 0), from = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), sent = 0;
  T(bind(to, (struct sockaddr *)&name, len));
  T(connect(from, (struct sockaddr *)&name, len));
  while (sent < 100 && send(from, "x", 1, 0) == 1) sent++;
  SAY("%d, then %s", sent, t_error(errno));
  struct pollfd p = {from, POLLOUT, 0};
  T(poll(&p, 1, 0));
  char byte;
  T(recv(to, &byte, 1, 0));
  T(poll(&p, 1, 0));
  T(send(from, "x", 1, 0));
  T(send(from, "x", 1, 0));
  int pair[2];
  socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair);
  for (sent = 0; sent < 50 && send(pair[0], "x", 1, 0) == 1; sent++) {}
  SAY("%d between two who have each other", sent);
}

int main(void) {
  own_network();
  ports();
  hops();
  foreign();
  streams();
  newer();
  echoes();
  local();
  return done();
}
