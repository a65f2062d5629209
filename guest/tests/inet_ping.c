// Sockets for echoes (SOCK_DGRAM with ICMP and ICMPv6): who may have them, their identifiers, what is sent and what comes back, errors, and how they are listed.
//: root
#include "../include/inet.h"
#include <grp.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/wait.h>

static void range(const char *text) {
  char now[64] = "";
  int fd = open("/proc/sys/net/ipv4/ping_group_range", O_RDWR);
  T(write(fd, text, strlen(text)));
  lseek(fd, 0, SEEK_SET);
  if (read(fd, now, sizeof now - 1) > 0) printf("range %s", now);
  close(fd);
}

static void wait_for(int fd, int events) {
  struct pollfd p = {fd, events, 0};
  poll(&p, 1, 20000);
  SAY("events %x", p.revents);
}

static int dissolve(int fd) {
  struct sockaddr none = {.sa_family = AF_UNSPEC};
  return connect(fd, &none, sizeof none);
}

static unsigned char echo[64] = {ICMP_ECHO, 0, 9, 9, 7, 7, 1, 2, 'h', 'e', 'l', 'l', 'o'};

static void show_reply(int fd, int flags) {
  unsigned char bytes[128] = {0};
  struct sockaddr_storage from = {0};
  socklen_t len = sizeof from;
  long got = recvfrom(fd, bytes, sizeof bytes, flags, (struct sockaddr *)&from, &len);
  SAY("recvfrom = %ld %s", got, got < 0 ? t_error(errno) : "");
  if (got < 8) return;
  SAY("kind %d code %d, own identifier %d, sequence %d, '%s', from port %d, %d bytes of address", bytes[0], bytes[1],
      ((bytes[4] << 8) | bytes[5]) == port_of(fd), (bytes[6] << 8) | bytes[7], bytes + 8, ntohs(((struct sockaddr_in *)&from)->sin_port), len);
}

static void rights(void) {
  range("1 0");
  T(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
  T(socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6));
  range("5 3");
  range("x");
  range("1 1");
  T(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
  range("0 100");
  OK(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
  T(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMPV6));
  T(socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMP));
  T(socket(AF_INET, SOCK_STREAM, IPPROTO_ICMP));
}

static void options(int fd) {
  int value = 0;
  socklen_t len = sizeof value;
  T(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len));
  SAY("type %d", value);
  T(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &len));
  SAY("protocol %d", value);
  T(ioctl(fd, FIONREAD, &value));
}

static void older(void) {
  struct sockaddr_in here = at("127.0.0.1", 0), port = at("127.0.0.1", 7);
  unsigned char bytes[128];
  SAY("the older protocol");
  int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
  options(fd);
  T(send(fd, echo, 13, 0));
  T(sendto(fd, echo, 7, 0, (struct sockaddr *)&here, sizeof here));
  T(sendto(fd, echo, 13, MSG_OOB, (struct sockaddr *)&here, sizeof here));
  echo[0] = ICMP_ECHOREPLY;
  T(sendto(fd, echo, 13, 0, (struct sockaddr *)&here, sizeof here));
  echo[0] = ICMP_ECHO;
  echo[1] = 1;
  T(sendto(fd, echo, 13, 0, (struct sockaddr *)&here, sizeof here));
  echo[1] = 0;
  T(sendto(fd, echo, 13, 0, (struct sockaddr *)&here, 8));
  T(sendto(fd, echo, 13, 0, (struct sockaddr *)&port, sizeof port));
  IS(port_of(fd) != 0);
  wait_for(fd, POLLIN);
  show_reply(fd, MSG_PEEK);
  show_reply(fd, 0);
  show_reply(fd, MSG_DONTWAIT);
  T(sendto(fd, echo, 13, 0, (struct sockaddr *)&here, sizeof here));
  T(recv(fd, bytes, 10, MSG_TRUNC));
  T(recv(fd, bytes, 10, MSG_OOB | MSG_DONTWAIT));
  SAY("connected");
  T(connect(fd, (struct sockaddr *)&port, sizeof port));
  T(send(fd, echo, 13, 0));
  show_reply(fd, 0);
  T(write(fd, echo, 13));
  show_reply(fd, 0);
  T(dissolve(fd));
  IS(port_of(fd) == 0);
  T(send(fd, echo, 13, 0));
  T(shutdown(fd, SHUT_WR));
  close(fd);
  SAY("identifiers");
  fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
  struct sockaddr_in own = at("0.0.0.0", 700), foreign = at("203.0.113.77", 0);
  T(bind(fd, (struct sockaddr *)&foreign, sizeof foreign));
  T(bind(fd, (struct sockaddr *)&own, 8));
  T(bind(fd, (struct sockaddr *)&own, sizeof own));
  T(bind(fd, (struct sockaddr *)&own, sizeof own));
  SAY("identifier %d", port_of(fd));
  int other = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
  struct sockaddr_in elsewhere = at("127.0.0.2", 700);
  T(bind(other, (struct sockaddr *)&elsewhere, sizeof elsewhere));
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  T(bind(other, (struct sockaddr *)&elsewhere, sizeof elsewhere));
  close(other);
  T(sendto(fd, echo, 13, 0, (struct sockaddr *)&here, sizeof here));
  show_reply(fd, 0);
  dissolve(fd);
  SAY("identifier %d", port_of(fd));
  static unsigned char large[65536] = {ICMP_ECHO};
  T(sendto(fd, large, 65536, 0, (struct sockaddr *)&here, sizeof here));
  T(sendto(fd, large, 65516, 0, (struct sockaddr *)&here, sizeof here));
  T(sendto(fd, large, 65515, 0, (struct sockaddr *)&here, sizeof here));
  static unsigned char back[65536];
  T(recv(fd, back, sizeof back, 0));
  close(fd);
}

static void newer(void) {
  struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  SAY("the newer protocol");
  int fd = socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6);
  options(fd);
  T(sendto(fd, echo, 13, 0, (struct sockaddr *)&here, sizeof here));
  echo[0] = ICMP6_ECHO_REQUEST;
  T(sendto(fd, echo, 13, 0, (struct sockaddr *)&here, sizeof here));
  show_reply(fd, 0);
  T(connect(fd, (struct sockaddr *)&here, sizeof here));
  T(send(fd, echo, 13, 0));
  show_reply(fd, 0);
  close(fd);
  echo[0] = ICMP_ECHO;
}

static void told(void) {
  SAY("what goes along");
  int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), one = 1, hops = 33;
  setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &one, sizeof one);
  setsockopt(fd, IPPROTO_IP, IP_TTL, &hops, sizeof hops);
  struct sockaddr_in here = at("127.0.0.1", 0);
  char control[256];
  unsigned char bytes[64];
  struct iovec piece = {bytes, sizeof bytes};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  T(sendto(fd, echo, 13, 0, (struct sockaddr *)&here, sizeof here));
  T(recvmsg(fd, &message, 0));
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) SAY("level %d kind %d: %d", c->cmsg_level, c->cmsg_type, *(int *)CMSG_DATA(c));
  close(fd);
}

static void lists(void) {
  char line[256];
  SAY("how they are listed");
  int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
  struct sockaddr_in own = at("127.0.0.1", 999);
  T(bind(fd, (struct sockaddr *)&own, sizeof own));
  FILE *list = fopen("/proc/net/icmp", "r");
  while (fgets(line, sizeof line, list)) {
    if (strstr(line, "sl ")) printf("%s", line);
    else if (strstr(line, "03E7")) SAY("%.60s", strchr(line, ':'));
  }
  fclose(list);
  close(fd);
}

static void by_anybody(void) {
  SAY("a user without rights");
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    T(setgroups(0, 0));
    T(setgid(50));
    T(setuid(1000));
    T(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    struct sockaddr_in here = at("127.0.0.1", 0);
    T(sendto(fd, echo, 13, 0, (struct sockaddr *)&here, sizeof here));
    show_reply(fd, 0);
    exit(0);
  }
  waitpid(child, 0, 0);
}

int main(void) {
  own_network();
  rights();
  older();
  newer();
  told();
  lists();
  by_anybody();
  return done();
}
