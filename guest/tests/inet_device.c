// Sockets that are bound to an interface (SO_BINDTODEVICE, SO_BINDTOIFINDEX), or send by one (IP_UNICAST_IF, IP_PKTINFO, scopes): what they get, what they send, and errors.
//: root
#include "../include/inet.h"
#include <grp.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/wait.h>

#define LO 1
#define NOBODY 77

static int device_of(int fd) {
  int index = -1;
  socklen_t len = sizeof index;
  getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, &len);
  return index;
}

static int to_index(int fd, int index) { return setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof index); }
static int to_device(int fd, const char *name) { return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, strlen(name) + 1); }
static int number(int fd, int level, int name, int value) { return setsockopt(fd, level, name, &value, sizeof value); }

static struct sockaddr_in6 at6(const char *ip, int port, int scope) {
  struct sockaddr_in6 where = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = scope};
  inet_pton(AF_INET6, ip, &where.sin6_addr);
  return where;
}

static int named(int kind, const char *ip, int port) {
  int fd = socket(AF_INET, kind, 0);
  struct sockaddr_in where = at(ip, port);
  if (bind(fd, (struct sockaddr *)&where, sizeof where)) SAY("bind %s: %s", ip, t_error(errno));
  return fd;
}

static long to(int fd, const char *ip, int port) {
  struct sockaddr_in where = at(ip, port);
  return sendto(fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&where, sizeof where);
}

static long to6(int fd, const char *ip, int port, int scope) {
  struct sockaddr_in6 where = at6(ip, port, scope);
  return sendto(fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&where, sizeof where);
}

static bool came(int fd) {
  char byte[64];
  return recv(fd, byte, sizeof byte, MSG_DONTWAIT) > 0;
}

static void names(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  char name[32] = "untouched";
  socklen_t len = sizeof name;
  T(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
  SAY("%d '%s'", len, name);
  T(to_device(fd, "nosuch0"));
  T(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
  T(device_of(fd));
  T(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo\0garbage", 10));
  T(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "averyverylongname0", 18));
  for (int room = 0; room < 20; room += 3) {
    len = room;
    memset(name, '#', sizeof name - 1);
    T(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
    SAY("room %d: %d '%.4s'", room, len, len ? name : "");
  }
  T(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0));
  T(device_of(fd));
  T(to_device(fd, "lo"));
  T(to_device(fd, ""));
  T(device_of(fd));
  T(to_index(fd, -1));
  T(to_index(fd, 4711));
  T(device_of(fd));
  len = 16;
  T(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
  T(setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, "x", 1));
  T(to(fd, "127.0.0.1", 4000));
  T(to(fd, "8.8.8.8", 4000));
  T(to_index(fd, 0));
  close(fd);
  fd = socket(AF_INET6, SOCK_DGRAM, 0);
  T(to_index(fd, 4711));
  T(to6(fd, "::1", 4000, 0));
  T(to6(fd, "2001:db8::1", 4000, 0));
  T(to6(fd, "::ffff:127.0.0.1", 4000, 0));
  close(fd);
  fd = socket(AF_INET6, SOCK_DGRAM, 0);
  T(to_index(fd, 4711));
  struct sockaddr_in6 own = at6("::1", 4001, 0);
  T(bind(fd, (struct sockaddr *)&own, sizeof own));
  close(fd);
}

static void rights(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
  T(to_device(fd, "lo"));
  if (fork() == 0) {
    setgroups(0, NULL);
    setresgid(NOBODY, NOBODY, NOBODY);
    setresuid(NOBODY, NOBODY, NOBODY);
    T(to_device(fd, "lo"));
    T(to_device(fd, ""));
    T(to_index(fd, 0));
    T(to_device(other, "lo"));
    T(device_of(other));
    T(to_device(other, ""));
    exit(done());
  }
  int status;
  wait(&status);
  T(device_of(fd));
  close(fd);
  close(other);
}

// Who of several at one port gets what comes.
static void shared(void) {
  int one = 1;
  struct sockaddr_in where = at("0.0.0.0", 4010);
  int lo = socket(AF_INET, SOCK_DGRAM, 0), other = socket(AF_INET, SOCK_DGRAM, 0), any = socket(AF_INET, SOCK_DGRAM, 0);
  T(to_device(lo, "lo"));
  T(to_index(other, 4711));
  T(bind(lo, (struct sockaddr *)&where, sizeof where));
  T(bind(other, (struct sockaddr *)&where, sizeof where));
  T(bind(any, (struct sockaddr *)&where, sizeof where));
  setsockopt(any, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  T(bind(any, (struct sockaddr *)&where, sizeof where));
  int from = socket(AF_INET, SOCK_DGRAM, 0);
  T(to(from, "127.0.0.1", 4010));
  T(came(lo));
  T(came(other));
  T(to_device(lo, ""));
  T(to_index(lo, 4711));
  T(to(from, "127.0.0.1", 4010));
  T(came(lo));
  T(to_index(other, LO));
  T(to(from, "127.0.0.1", 4010));
  T(came(other));
  close(lo);
  close(other);
  close(any);
  // An address counts more than an interface, an interface more than nothing.
  int exact = socket(AF_INET, SOCK_DGRAM, 0), wide = socket(AF_INET, SOCK_DGRAM, 0), wider = socket(AF_INET, SOCK_DGRAM, 0);
  int all[] = {exact, wide, wider};
  for (int i = 0; i < 3; i++) setsockopt(all[i], SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  T(to_device(wide, "lo"));
  struct sockaddr_in near = at("127.0.0.1", 4010);
  T(bind(exact, (struct sockaddr *)&near, sizeof near));
  T(bind(wide, (struct sockaddr *)&where, sizeof where));
  T(bind(wider, (struct sockaddr *)&where, sizeof where));
  to(from, "127.0.0.1", 4010);
  SAY("exact %d, wide %d, wider %d", came(exact), came(wide), came(wider));
  to(from, "127.0.0.2", 4010);
  SAY("exact %d, wide %d, wider %d", came(exact), came(wide), came(wider));
  T(to_index(wide, 4711));
  to(from, "127.0.0.2", 4010);
  SAY("exact %d, wide %d, wider %d", came(exact), came(wide), came(wider));
  for (int i = 0; i < 3; i++) close(all[i]);
  close(from);
}

// Streams: who listens by an interface, and who connects by one.
static void streams(void) {
  struct sockaddr_in where = at("0.0.0.0", 4020), there = at("127.0.0.1", 4020);
  int lo = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
  T(to_device(lo, "lo"));
  T(to_index(other, 4711));
  T(bind(lo, (struct sockaddr *)&where, sizeof where));
  T(bind(other, (struct sockaddr *)&where, sizeof where));
  T(listen(lo, 4));
  T(listen(other, 4));
  int client = socket(AF_INET, SOCK_STREAM, 0);
  T(connect(client, (struct sockaddr *)&there, sizeof there));
  int server = accept(lo, NULL, NULL);
  SAY("accepted %d, by interface %d; the client by %d", server >= 0, device_of(server), device_of(client));
  fcntl(other, F_SETFL, O_NONBLOCK);
  T(accept(other, NULL, NULL));
  close(client);
  close(server);
  close(lo);
  client = socket(AF_INET, SOCK_STREAM, 0);
  T(connect(client, (struct sockaddr *)&there, sizeof there));
  close(client);
  T(to_index(other, LO));
  client = socket(AF_INET, SOCK_STREAM, 0);
  T(connect(client, (struct sockaddr *)&there, sizeof there));
  close(client);
  client = socket(AF_INET, SOCK_STREAM, 0);
  T(to_index(client, 4711));
  T(connect(client, (struct sockaddr *)&there, sizeof there));
  T(to_device(client, "lo"));
  T(connect(client, (struct sockaddr *)&there, sizeof there));
  close(client);
  close(other);
  client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  T(to_device(client, "lo"));
  struct sockaddr_in far = at("192.0.2.1", 4021);
  T(connect(client, (struct sockaddr *)&far, sizeof far));
  close(client);
  struct sockaddr_in6 newer = at6("2001:db8::1", 4022, 0);
  client = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
  T(to_device(client, "lo"));
  T(connect(client, (struct sockaddr *)&newer, sizeof newer));
  close(client);
}

static void sending(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0), own = named(SOCK_DGRAM, "127.0.0.1", 4030);
  T(to(fd, "192.0.2.1", 4031));
  T(to_device(fd, "lo"));
  T(to(fd, "192.0.2.1", 4031));
  T(to(fd, "127.0.0.1", 4030));
  T(came(own));
  T(to(fd, "255.255.255.255", 4031));
  T(number(fd, IPPROTO_IP, IP_UNICAST_IF, htonl(LO)));
  T(number(fd, IPPROTO_IP, IP_UNICAST_IF, htonl(4711)));
  struct ip_mreqn group = {.imr_ifindex = 4711};
  T(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof group));
  T(to_index(fd, 4711));
  T(number(fd, IPPROTO_IP, IP_UNICAST_IF, htonl(LO)));
  group.imr_ifindex = LO;
  T(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof group));
  T(to_index(fd, 0));
  T(number(fd, IPPROTO_IP, IP_UNICAST_IF, htonl(LO)));
  T(to(fd, "127.0.0.1", 4030));
  T(came(own));
  T(to(fd, "192.0.2.1", 4031));
  T(number(fd, IPPROTO_IP, IP_UNICAST_IF, 0));
  T(to(fd, "192.0.2.1", 4031));
  T(number(fd, SOL_SOCKET, SO_DONTROUTE, 1));
  T(to(fd, "127.0.0.1", 4030));
  T(came(own));
  T(to(fd, "192.0.2.1", 4031));
  close(fd);
  // An own address of loopback leads nowhere else.
  fd = named(SOCK_DGRAM, "127.0.0.1", 0);
  T(to(fd, "192.0.2.1", 4031));
  T(to_device(fd, "lo"));
  T(to(fd, "192.0.2.1", 4031));
  close(fd);
  close(own);
}

static long along(int fd, const char *ip, int port, int level, int kind, const void *body, int len) {
  struct sockaddr_in where = at(ip, port);
  struct sockaddr_in6 newer = at6(ip, port, 0);
  char control[CMSG_SPACE(64)] = {0};
  struct iovec iov = {"x", 1};
  struct msghdr message = {.msg_name = &where, .msg_namelen = sizeof where, .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(len)};
  if (strchr(ip, ':')) message.msg_name = &newer, message.msg_namelen = sizeof newer;
  struct cmsghdr *c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = level;
  c->cmsg_type = kind;
  c->cmsg_len = CMSG_LEN(len);
  memcpy(CMSG_DATA(c), body, len);
  return sendmsg(fd, &message, MSG_DONTWAIT);
}

static void with_messages(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0), own = named(SOCK_DGRAM, "0.0.0.0", 4040);
  struct in_pktinfo info = {.ipi_ifindex = LO};
#define OLDER(ip) along(fd, ip, 4040, IPPROTO_IP, IP_PKTINFO, &info, sizeof info)
  T(OLDER("127.0.0.1"));
  T(came(own));
  // All the world is the machine itself by loopback.
  T(OLDER("192.0.2.1"));
  T(came(own));
  info.ipi_ifindex = 4711;
  T(OLDER("127.0.0.1"));
  info.ipi_ifindex = 0;
  inet_pton(AF_INET, "192.0.2.9", &info.ipi_spec_dst);
  T(OLDER("127.0.0.1"));
  inet_pton(AF_INET, "127.0.0.9", &info.ipi_spec_dst);
  T(OLDER("127.0.0.1"));
  struct sockaddr_in from = {0};
  socklen_t len = sizeof from;
  char byte;
  T(recvfrom(own, &byte, 1, MSG_DONTWAIT, (struct sockaddr *)&from, &len));
  SAY("from %s", inet_ntoa(from.sin_addr));
  T(to_index(fd, 4711));
  info.ipi_ifindex = LO;
  T(OLDER("127.0.0.1"));
  T(along(fd, "127.0.0.1", 4040, IPPROTO_IP, IP_PKTINFO, &info, 4));
  close(fd);
  close(own);
  fd = socket(AF_INET6, SOCK_DGRAM, 0);
  own = socket(AF_INET6, SOCK_DGRAM, 0);
  struct sockaddr_in6 where = at6("::1", 4041, 0);
  T(bind(own, (struct sockaddr *)&where, sizeof where));
  struct in6_pktinfo newer = {.ipi6_ifindex = LO};
#define NEWER(ip) along(fd, ip, 4041, IPPROTO_IPV6, IPV6_PKTINFO, &newer, sizeof newer)
  T(NEWER("::1"));
  T(came(own));
  T(NEWER("2001:db8::1"));
  newer.ipi6_ifindex = 4711;
  T(NEWER("::1"));
  newer.ipi6_ifindex = 0;
  inet_pton(AF_INET6, "2001:db8::9", &newer.ipi6_addr);
  T(NEWER("::1"));
  inet_pton(AF_INET6, "fe80::9", &newer.ipi6_addr);
  T(NEWER("::1"));
  inet_pton(AF_INET6, "::1", &newer.ipi6_addr);
  T(NEWER("::1"));
  T(came(own));
  T(to_device(fd, "lo"));
  newer.ipi6_ifindex = 4711;
  T(NEWER("::1"));
  newer.ipi6_ifindex = LO;
  T(NEWER("::1"));
  T(along(fd, "::1", 4041, IPPROTO_IPV6, IPV6_PKTINFO, &newer, 4));
  T(number(fd, IPPROTO_IPV6, IPV6_UNICAST_IF, htonl(LO)));
  T(number(fd, IPPROTO_IPV6, IPV6_UNICAST_IF, 0));
  T(number(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, 4711));
  T(number(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, LO));
  T(to_index(fd, 0));
  T(number(fd, IPPROTO_IPV6, IPV6_UNICAST_IF, htonl(LO)));
  T(to6(fd, "::1", 4041, 0));
  T(to6(fd, "2001:db8::1", 4041, 0));
  close(fd);
  close(own);
}

// Addresses that mean something on one network only.
static void scopes(void) {
  int kinds[] = {SOCK_DGRAM, SOCK_STREAM};
  for (int k = 0; k < 2; k++) {
    SAY("%s", k ? "streams" : "datagrams");
    struct sockaddr_in6 near = at6("fe80::1", 4050, 0);
    int fd;
    for (int i = 0; i < 3; i++) {
      near.sin6_scope_id = (int[]){0, 4711, LO}[i];
      fd = socket(AF_INET6, kinds[k], 0);
      T(bind(fd, (struct sockaddr *)&near, sizeof near));
      T(device_of(fd));
      close(fd);
    }
    near.sin6_scope_id = 0;
    fd = socket(AF_INET6, kinds[k], 0);
    T(connect(fd, (struct sockaddr *)&near, sizeof near));
    T(device_of(fd));
    close(fd);
    near.sin6_scope_id = LO;
    fd = socket(AF_INET6, kinds[k] | SOCK_NONBLOCK, 0);
    T(connect(fd, (struct sockaddr *)&near, sizeof near));
    T(device_of(fd));
    near.sin6_scope_id = 4711;
    T(connect(fd, (struct sockaddr *)&near, sizeof near));
    close(fd);
    fd = socket(AF_INET6, kinds[k], 0);
    T(to_device(fd, "lo"));
    near = at6("::1", 4051, 0);
    T(bind(fd, (struct sockaddr *)&near, sizeof near));
    close(fd);
  }
  int fd = socket(AF_INET6, SOCK_DGRAM, 0);
  T(to6(fd, "fe80::1", 4050, LO));
  T(to6(fd, "fe80::1", 4050, 4711));
  T(to6(fd, "::1", 4050, 4711));
  T(to_device(fd, "lo"));
  T(to6(fd, "fe80::1", 4050, 4711));
  close(fd);
}

static void raw(void) {
  int lo = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), other = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), from = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  T(to_device(lo, "lo"));
  T(to_index(other, 4711));
  struct icmphdr question = {.type = ICMP_ECHO, .checksum = 0xfff7};
  struct sockaddr_in where = at("127.0.0.1", 0);
  T(sendto(from, &question, sizeof question, 0, (struct sockaddr *)&where, sizeof where));
  T(came(lo));
  T(came(other));
  close(lo);
  close(other);
  close(from);
  from = socket(AF_INET, SOCK_RAW, 253);
  T(to_index(from, 4711));
  T(to(from, "127.0.0.1", 0));
  T(to_device(from, "lo"));
  T(to(from, "192.0.2.1", 0));
  close(from);
  int range = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY);
  T(write(range, "0 100", 5));
  close(range);
  int ping = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
#define ASK() sendto(ping, &question, sizeof question, 0, (struct sockaddr *)&where, sizeof where)
  T(to_index(ping, 4711));
  T(ASK());
  T(to_device(ping, "lo"));
  T(ASK());
  struct pollfd p = {ping, POLLIN, 0};
  T(poll(&p, 1, 20000));
  T(came(ping));
  close(ping);
}

// Groups on loopback.
static void groups(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0), own = named(SOCK_DGRAM, "0.0.0.0", 4070);
  struct ip_mreqn group = {.imr_ifindex = LO};
  inet_pton(AF_INET, "239.1.2.3", &group.imr_multiaddr);
  T(setsockopt(own, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group));
  T(to_device(fd, "lo"));
  T(to(fd, "239.1.2.3", 4070));
  T(came(own));
  T(came(own));
  T(to_index(own, 4711));
  T(to(fd, "239.1.2.3", 4070));
  T(came(own));
  T(to_index(own, 0));
  T(to_index(fd, 0));
  T(to(fd, "239.1.2.3", 4070));
  group.imr_ifindex = 0;
  inet_pton(AF_INET, "127.0.0.1", &group.imr_address);
  T(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof group));
  T(to(fd, "239.1.2.3", 4070));
  T(came(own));
  T(number(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0));
  T(to(fd, "239.1.2.3", 4070));
  T(came(own));
  close(fd);
  close(own);
}

int main(void) {
  own_network();
  names();
  rights();
  shared();
  streams();
  sending();
  with_messages();
  scopes();
  raw();
  groups();
  return done();
}
