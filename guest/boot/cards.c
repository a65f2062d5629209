// A machine with two cards and its peer on both networks (`cards` and `cards peer NAME NAME`): which sockets get what comes by which card, and by which card they send.
// The machine has 10.1.0.2 and 10.2.0.2, fd00:1::2 and fd00:2::2; the peer the same with 1, fe80::1 on both, and 10.3.0.1, to which no card leads more than the other.
#include "../include/inet.h"
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>

enum { ANSWERS = 7000, STREAMS = 7001, ORDERS = 7002 };

static struct sockaddr_in6 at6(const char *ip, int port, int scope) {
  struct sockaddr_in6 where = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = scope};
  inet_pton(AF_INET6, ip, &where.sin6_addr);
  return where;
}

static int number(int fd, int level, int name, int value) { return setsockopt(fd, level, name, &value, sizeof value); }
static int to_device(int fd, const char *name) { return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, strlen(name) + 1); }

static const char *device_of(int fd) {
  static char name[IF_NAMESIZE];
  socklen_t len = sizeof name;
  memset(name, 0, sizeof name);
  getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len);
  return *name ? name : "none";
}

// The peer: answers what comes with the number of the card it came by and with whom it came from, and does what is ordered.
static int served(int kind, int port) {
  int fd = socket(AF_INET6, kind, 0);
  struct sockaddr_in6 where = at6("::", port, 0);
  number(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (bind(fd, (struct sockaddr *)&where, sizeof where)) perror("bind");
  if (kind == SOCK_STREAM) listen(fd, 8);
  number(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  int more[] = {IPV6_RECVHOPOPTS, IPV6_RECVDSTOPTS, IPV6_RECVTCLASS};
  for (int i = 0; i < 3; i++) number(fd, IPPROTO_IPV6, more[i], 1);
  number(fd, IPPROTO_IP, IP_RECVOPTS, 1);
  number(fd, IPPROTO_IP, IP_RECVTOS, 1);
  return fd;
}

static const char *plain(const struct sockaddr_in6 *where) {
  static char text[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, &where->sin6_addr, text, sizeof text);
  if (!strncmp(text, "::ffff:", 7)) return text + 7;
  return strncmp(text, "fe80:", 5) ? text : "near";
}

static void answer(int fd, char **cards) {
  char bytes[8192], control[512], more[256] = "";
  struct sockaddr_in6 from;
  struct iovec iov = {bytes, sizeof bytes};
  struct msghdr m = {&from, sizeof from, &iov, 1, control, sizeof control, 0};
  ssize_t got = recvmsg(fd, &m, 0);
  if (got < 0) return;
  struct in6_pktinfo info = {0};
  int used = 0;
  if (got > 1) used = snprintf(more, sizeof more, ", %zd bytes", got);
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
    int size = c->cmsg_len - CMSG_LEN(0);
    if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) memcpy(&info, CMSG_DATA(c), sizeof info);
    else if (size > 1 || *CMSG_DATA(c)) {
      if (c->cmsg_type == IPV6_TCLASS && !*(int *)CMSG_DATA(c)) continue;
      used += snprintf(more + used, sizeof more - used, ", %d/%d ", c->cmsg_level, c->cmsg_type);
      for (int i = 0; i < size && used < 200; i++) used += snprintf(more + used, sizeof more - used, "%02x", CMSG_DATA(c)[i]);
    }
  }
  int card = info.ipi6_ifindex == if_nametoindex(cards[1]);
  iov.iov_len = snprintf(bytes, sizeof bytes, "by card %d from %s%s", card, plain(&from), more);
  m.msg_controllen = CMSG_SPACE(sizeof info);
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO};
  memcpy(CMSG_DATA(c), &info, sizeof info);
  sendmsg(fd, &m, 0);
}

static void obey(int fd) {
  char order[128], ip[64];
  int port, len = recv(fd, order, sizeof order - 1, 0);
  if (len <= 0) return;
  order[len] = 0;
  if (sscanf(order + 1, "%63s %d", ip, &port) != 2) return;
  struct sockaddr_in to = at(ip, port);
  int out = socket(AF_INET, *order == 'd' ? SOCK_DGRAM : SOCK_STREAM, 0);
  number(out, IPPROTO_TCP, TCP_USER_TIMEOUT, 500);
  if (!connect(out, (struct sockaddr *)&to, sizeof to) && send(out, ip, strlen(ip), 0) > 0 && *order == 's') recv(out, order, 1, 0);
  close(out);
}

static int peer(char **cards) {
  struct pollfd all[] = {{served(SOCK_DGRAM, ANSWERS), POLLIN, 0}, {served(SOCK_STREAM, STREAMS), POLLIN, 0}, {served(SOCK_DGRAM, ORDERS), POLLIN, 0}};
  while (poll(all, 3, -1) >= 0) {
    if (all[0].revents) answer(all[0].fd, cards);
    if (all[1].revents) {
      struct sockaddr_in6 from;
      socklen_t len = sizeof from;
      char text[80];
      int fd = accept(all[1].fd, (struct sockaddr *)&from, &len);
      if (write(fd, text, snprintf(text, sizeof text, "from %s", plain(&from))) > 0) shutdown(fd, SHUT_WR);
      close(fd);
    }
    if (all[2].revents) obey(all[2].fd);
  }
  return 0;
}

// The machine.
static const char *heard(int fd) {
  static char text[512];
  struct pollfd p = {fd, POLLIN, 0};
  if (poll(&p, 1, 20000) <= 0) return "nothing";
  ssize_t len = recv(fd, text, sizeof text - 1, 0);
  if (len < 0) return t_error(errno);
  text[len] = 0;
  return text;
}

static const char *asked(int fd, const char *ip) {
  struct sockaddr_in where = at(ip, ANSWERS);
  return sendto(fd, "?", 1, 0, (struct sockaddr *)&where, sizeof where) < 0 ? t_error(errno) : heard(fd);
}

static const char *asked6(int fd, const char *ip, int scope) {
  struct sockaddr_in6 where = at6(ip, ANSWERS, scope);
  return sendto(fd, "?", 1, 0, (struct sockaddr *)&where, sizeof where) < 0 ? t_error(errno) : heard(fd);
}

static void order(char what, const char *ip, int port) {
  char text[80];
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in peer = at("10.1.0.1", ORDERS);
  sendto(fd, text, snprintf(text, sizeof text, "%c%s %d", what, ip, port), 0, (struct sockaddr *)&peer, sizeof peer);
  close(fd);
}

static int bound(int family, int kind, const char *card, int port) {
  int fd = socket(family, kind, 0);
  struct sockaddr_in where = at("0.0.0.0", port);
  struct sockaddr_in6 newer = at6("::", port, 0);
  if (card && to_device(fd, card)) SAY("%s: %s", card, t_error(errno));
  if (port && bind(fd, family == AF_INET ? (void *)&where : (void *)&newer, family == AF_INET ? sizeof where : sizeof newer)) SAY("bind: %s", t_error(errno));
  return fd;
}

static void until_there(void) {
  char text[64];
  const char *all[] = {"10.1.0.1", "10.2.0.1"};
  for (int i = 0; i < 2; i++) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in where = at(all[i], ANSWERS);
    for (int turn = 0; turn < 600; turn++) {
      struct pollfd p = {fd, POLLIN, 0};
      sendto(fd, "?", 1, 0, (struct sockaddr *)&where, sizeof where);
      if (poll(&p, 1, 100) > 0 && recv(fd, text, sizeof text, 0) > 0) break;
    }
    close(fd);
  }
  const char *newer[] = {"fd00:1::1", "fd00:2::1", "fe80::1", "fe80::1"};
  for (int i = 0; i < 4; i++) {
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    struct sockaddr_in6 where = at6(newer[i], ANSWERS, i < 2 ? 0 : if_nametoindex(i == 2 ? "eth0" : "eth1"));
    for (int turn = 0; turn < 600; turn++) {
      struct pollfd p = {fd, POLLIN, 0};
      sendto(fd, "?", 1, 0, (struct sockaddr *)&where, sizeof where);
      if (poll(&p, 1, 100) > 0 && recv(fd, text, sizeof text, 0) > 0) break;
    }
    close(fd);
  }
}

static void datagrams(void) {
  int first = bound(AF_INET, SOCK_DGRAM, "eth0", 5000), second = bound(AF_INET, SOCK_DGRAM, "eth1", 5000), any = bound(AF_INET, SOCK_DGRAM, NULL, 0);
  SAY("eth0: %s", asked(first, "10.3.0.1"));
  SAY("eth1: %s", asked(second, "10.3.0.1"));
  SAY("any: %s", asked(any, "10.3.0.1"));
  SAY("eth1 to the first network: %s", asked(second, "10.2.0.1"));
  order('d', "10.1.0.2", 5000);
  SAY("eth0 hears %s", heard(first));
  order('d', "10.2.0.2", 5000);
  SAY("eth1 hears %s", heard(second));
  // What is the machine's own comes by the card whose address it is.
  struct sockaddr_in own = at("10.1.0.2", 5000);
  T(sendto(any, "own", 3, 0, (struct sockaddr *)&own, sizeof own));
  SAY("eth0 hears %s", heard(first));
  T(sendto(second, "own", 3, 0, (struct sockaddr *)&own, sizeof own));
  T(recv(first, &own, sizeof own, MSG_DONTWAIT));
  T(number(any, SOL_SOCKET, SO_DONTROUTE, 1));
  SAY("not passed on: %s", asked(any, "10.3.0.1"));
  SAY("not passed on: %s", asked(any, "10.1.0.1"));
  T(number(second, SOL_SOCKET, SO_DONTROUTE, 1));
  SAY("eth1, not passed on: %s", asked(second, "10.3.0.1"));
  T(number(any, SOL_SOCKET, SO_DONTROUTE, 0));
  struct sockaddr_in far = at("10.3.0.1", ANSWERS);
  T(sendto(any, "?", 1, MSG_DONTROUTE, (struct sockaddr *)&far, sizeof far));
  T(number(any, IPPROTO_IP, IP_UNICAST_IF, htonl(if_nametoindex("eth1"))));
  SAY("by eth1: %s", asked(any, "10.3.0.1"));
  T(number(any, IPPROTO_IP, IP_UNICAST_IF, 0));
  SAY("by any: %s", asked(any, "10.3.0.1"));
  close(any);
  any = bound(AF_INET, SOCK_DGRAM, NULL, 0);
  T(connect(any, (struct sockaddr *)&far, sizeof far));
  T(to_device(any, "eth1"));
  SAY("connected: %s", asked(any, "10.3.0.1"));
  close(any);
  any = socket(AF_INET, SOCK_DGRAM, 0);
  own = at("127.0.0.1", 0);
  T(bind(any, (struct sockaddr *)&own, sizeof own));
  SAY("from loopback: %s", asked(any, "10.1.0.1"));
  close(any);
  close(first);
  close(second);
}

static const char *along(int fd, void *to, int size, int level, int kind, const void *body, int len) {
  char control[CMSG_SPACE(64)] = {0};
  struct iovec iov = {"?", 1};
  struct msghdr m = {to, size, &iov, 1, control, CMSG_SPACE(len), 0};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = level;
  c->cmsg_type = kind;
  c->cmsg_len = CMSG_LEN(len);
  memcpy(CMSG_DATA(c), body, len);
  return sendmsg(fd, &m, 0) < 0 ? t_error(errno) : heard(fd);
}

static void with_messages(void) {
  int fd = bound(AF_INET, SOCK_DGRAM, NULL, 0), bound_fd = bound(AF_INET, SOCK_DGRAM, "eth0", 0);
  struct sockaddr_in far = at("10.3.0.1", ANSWERS);
  struct in_pktinfo info = {.ipi_ifindex = if_nametoindex("eth1")};
#define OLDER(fd) along(fd, &far, sizeof far, IPPROTO_IP, IP_PKTINFO, &info, sizeof info)
  SAY("by eth1: %s", OLDER(fd));
  info.ipi_ifindex = 0;
  inet_pton(AF_INET, "10.2.0.2", &info.ipi_spec_dst);
  SAY("from the second: %s", OLDER(fd));
  inet_pton(AF_INET, "10.9.0.2", &info.ipi_spec_dst);
  SAY("from another: %s", OLDER(fd));
  close(fd);
  close(bound_fd);
  fd = bound(AF_INET6, SOCK_DGRAM, NULL, 0);
  struct sockaddr_in6 near = at6("fe80::1", ANSWERS, 0);
  struct in6_pktinfo newer = {.ipi6_ifindex = if_nametoindex("eth1")};
#define NEWER(fd) along(fd, &near, sizeof near, IPPROTO_IPV6, IPV6_PKTINFO, &newer, sizeof newer)
  SAY("by eth1: %s", NEWER(fd));
  newer.ipi6_ifindex = if_nametoindex("eth0");
  SAY("by eth0: %s", NEWER(fd));
  near = at6("fd00:1::1", ANSWERS, 0);
  newer.ipi6_ifindex = 0;
  inet_pton(AF_INET6, "fd00:2::2", &newer.ipi6_addr);
  SAY("from the second: %s", NEWER(fd));
  inet_pton(AF_INET6, "fd00:9::2", &newer.ipi6_addr);
  SAY("from another: %s", NEWER(fd));
  T(to_device(fd, "eth0"));
  newer.ipi6_ifindex = if_nametoindex("eth1");
  SAY("by another than it is bound to: %s", NEWER(fd));
  close(fd);
}

static void scopes(void) {
  int first = if_nametoindex("eth0"), second = if_nametoindex("eth1");
  int fd = bound(AF_INET6, SOCK_DGRAM, NULL, 0);
  SAY("near by eth0: %s", asked6(fd, "fe80::1", first));
  SAY("near by eth1: %s", asked6(fd, "fe80::1", second));
  T(number(fd, IPPROTO_IPV6, IPV6_UNICAST_IF, htonl(second)));
  SAY("far by eth1: %s", asked6(fd, "fd00:1::1", 0));
  close(fd);
  fd = bound(AF_INET6, SOCK_DGRAM, "eth1", 0);
  SAY("near: %s", asked6(fd, "fe80::1", 0));
  struct sockaddr_in6 near = at6("fe80::1", ANSWERS, first);
  T(sendto(fd, "?", 1, 0, (struct sockaddr *)&near, sizeof near));
  SAY("far: %s", asked6(fd, "fd00:1::1", 0));
  struct sockaddr_in6 own = at6("fd00:1::2", 0, 0);
  close(fd);
  fd = bound(AF_INET6, SOCK_DGRAM, "eth1", 0);
  T(bind(fd, (struct sockaddr *)&own, sizeof own));
  own = at6("fd00:2::2", 0, 0);
  T(bind(fd, (struct sockaddr *)&own, sizeof own));
  close(fd);
  int kinds[] = {SOCK_DGRAM, SOCK_STREAM};
  for (int k = 0; k < 2; k++) {
    fd = socket(AF_INET6, kinds[k], 0);
    struct sockaddr_in6 name;
    near = at6("fe80::1", kinds[k] == SOCK_DGRAM ? ANSWERS : STREAMS, second);
    T(connect(fd, (struct sockaddr *)&near, sizeof near));
    if (kinds[k] == SOCK_DGRAM) T(send(fd, "?", 1, 0));
    SAY("near: %s; the socket is bound to %s", heard(fd), device_of(fd));
    socklen_t len = sizeof name;
    getsockname(fd, (struct sockaddr *)&name, &len);
    SAY("own scope %d", name.sin6_scope_id == (unsigned)second);
    getpeername(fd, (struct sockaddr *)&name, &len);
    SAY("peer's scope %d", name.sin6_scope_id == (unsigned)second);
    close(fd);
  }
}

static void streams(void) {
  struct sockaddr_in far = at("10.3.0.1", STREAMS);
  const char *cards[] = {"eth0", "eth1", NULL};
  for (int i = 0; i < 3; i++) {
    int fd = bound(AF_INET, SOCK_STREAM, cards[i], 0);
    T(connect(fd, (struct sockaddr *)&far, sizeof far));
    SAY("%s: %s", cards[i] ? cards[i] : "any", heard(fd));
    close(fd);
  }
  int fd = bound(AF_INET, SOCK_STREAM, NULL, 0);
  T(number(fd, SOL_SOCKET, SO_DONTROUTE, 1));
  T(connect(fd, (struct sockaddr *)&far, sizeof far));
  close(fd);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in own = at("127.0.0.1", 0);
  T(bind(fd, (struct sockaddr *)&own, sizeof own));
  T(connect(fd, (struct sockaddr *)&far, sizeof far));
  close(fd);
  int first = bound(AF_INET, SOCK_STREAM, "eth0", 6000), second = bound(AF_INET, SOCK_STREAM, "eth1", 6000);
  T(listen(first, 4));
  T(listen(second, 4));
  const char *ips[] = {"10.1.0.2", "10.2.0.2"};
  for (int i = 0; i < 2; i++) {
    int listener = i ? second : first, other = i ? first : second;
    order('s', ips[i], 6000);
    int got = accept(listener, NULL, NULL);
    SAY("accepted by %s: %s", device_of(got), heard(got));
    fcntl(other, F_SETFL, O_NONBLOCK);
    T(accept(other, NULL, NULL));
    fcntl(other, F_SETFL, 0);
    close(got);
  }
  close(second);
  order('s', ips[1], 6000);
  order('s', ips[0], 6000);
  int got = accept(first, NULL, NULL);
  SAY("accepted by %s: %s", device_of(got), heard(got));
  close(got);
  close(first);
}

static void raw(void) {
  int raw0 = bound(AF_INET, SOCK_RAW, NULL, 0);
  close(raw0);
  int first = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), second = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  T(to_device(first, "eth0"));
  T(to_device(second, "eth1"));
  unsigned char question[8] = {ICMP_ECHO, 0, 0xf7, 0xff}, reply[128];
  struct sockaddr_in where = at("10.3.0.1", 0);
  T(sendto(second, question, sizeof question, 0, (struct sockaddr *)&where, sizeof where));
  struct pollfd p = {second, POLLIN, 0};
  T(poll(&p, 1, 20000));
  T(recv(second, reply, sizeof reply, MSG_DONTWAIT));
  T(recv(first, reply, sizeof reply, MSG_DONTWAIT));
  close(first);
  close(second);
}

// Programs that say which segments and datagrams are wanted, of connections over the network and of who listens.
static void filters(void) {
  struct sock_filter no_bytes[] = {BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 40, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, 0xffffffff)};
  struct sock_filter first[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_NET_OFF + 12), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0a010001, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0xffffffff), BPF_STMT(BPF_RET | BPF_K, 0),
  };
  struct sock_fprog program = {4, no_bytes};
  int fd = bound(AF_INET, SOCK_STREAM, NULL, 0), on = 1;
  struct sockaddr_in where = at("10.1.0.1", STREAMS);
  T(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
  T(connect(fd, (struct sockaddr *)&where, sizeof where));
  usleep(100000);
  char text[64];
  T(recv(fd, text, sizeof text, MSG_DONTWAIT));
  T(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof on));
  SAY("%s", heard(fd));
  close(fd);
  program.filter = first;
  int listener = bound(AF_INET, SOCK_STREAM, NULL, 6001);
  T(setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
  T(listen(listener, 4));
  order('s', "10.2.0.2", 6001);
  order('s', "10.1.0.2", 6001);
  int got = accept(listener, NULL, NULL);
  SAY("accepted: %s", heard(got));
  close(got);
  close(listener);
  fd = bound(AF_INET, SOCK_DGRAM, NULL, 5001);
  T(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
  order('d', "10.2.0.2", 5001);
  order('d', "10.1.0.2", 5001);
  SAY("%s", heard(fd));
  close(fd);
}

static const char *asked_much(int fd, const char *ip, int len) {
  static char much[4000];
  struct sockaddr_in where = at(ip, ANSWERS);
  struct sockaddr_in6 newer = at6(ip, ANSWERS, 0);
  bool is_newer = strchr(ip, ':');
  if (sendto(fd, much, len, 0, is_newer ? (void *)&newer : (void *)&where, is_newer ? sizeof newer : sizeof where) < 0) return t_error(errno);
  return heard(fd);
}

// What headers have besides, on the wire, in whole packets and in fragments.
static void extras(void) {
  int fd = bound(AF_INET, SOCK_DGRAM, NULL, 0);
  unsigned char route[] = {7, 15, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, by[] = {131, 7, 4, 10, 1, 0, 1};
  T(number(fd, IPPROTO_IP, IP_TOS, 0x28));
  SAY("%s", asked(fd, "10.1.0.1"));
  T(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, route, sizeof route));
  SAY("%s", asked(fd, "10.1.0.1"));
  SAY("%s", asked_much(fd, "10.3.0.1", 3000));
  SAY("by eth1: %s", asked_much(bound(AF_INET, SOCK_DGRAM, "eth1", 0), "10.2.0.1", 1472));
  // Nobody passes it on.
  T(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, by, sizeof by));
  struct sockaddr_in far = at("10.3.0.1", ANSWERS);
  T(sendto(fd, "?", 1, 0, (struct sockaddr *)&far, sizeof far));
  close(fd);
  fd = bound(AF_INET6, SOCK_DGRAM, NULL, 0);
  unsigned char hop[8] = {0, 0, 0x1e, 2, 0xaa, 0xbb, 1, 0}, last[16] = {0, 1, 0x1e, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 0};
  T(number(fd, IPPROTO_IPV6, IPV6_TCLASS, 0x28));
  SAY("%s", asked6(fd, "fd00:1::1", 0));
  T(setsockopt(fd, IPPROTO_IPV6, IPV6_HOPOPTS, hop, sizeof hop));
  SAY("%s", asked6(fd, "fd00:1::1", 0));
  T(setsockopt(fd, IPPROTO_IPV6, IPV6_DSTOPTS, last, sizeof last));
  SAY("%s", asked6(fd, "fd00:2::1", 0));
  SAY("%s", asked_much(fd, "fd00:1::1", 3000));
  T(number(fd, IPPROTO_IPV6, IPV6_MTU, 1280));
  SAY("%s", asked_much(fd, "fd00:1::1", 1400));
  T(number(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1));
  SAY("%s", asked_much(fd, "fd00:1::1", 1400));
  SAY("%s", asked_much(fd, "fd00:1::1", 1000));
  close(fd);
  fd = bound(AF_INET6, SOCK_STREAM, NULL, 0);
  struct sockaddr_in6 there = at6("fd00:1::1", STREAMS, 0);
  T(setsockopt(fd, IPPROTO_IPV6, IPV6_DSTOPTS, last, sizeof last));
  T(connect(fd, (struct sockaddr *)&there, sizeof there));
  SAY("%s", heard(fd));
  close(fd);
}

int main(int count, char **words) {
  if (count > 3) return peer(words + 2);
  until_there();
  datagrams();
  with_messages();
  scopes();
  streams();
  raw();
  filters();
  extras();
  SAY("done");
  return done();
}
