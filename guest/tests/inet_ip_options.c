// Options in the header of IPv4 (IP_OPTIONS): which are right, what is kept, sent and received (IP_RECVOPTS, IP_RETOPTS), and what is recorded on the way.
//: root
#include "../include/inet.h"
#include <grp.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <poll.h>
#include <sys/wait.h>

#define NOBODY 77

static void show_bytes(const unsigned char *bytes, int len) {
  for (int i = 0; i < len; i++) printf("%02x", bytes[i]);
}

static void kept(int fd) {
  unsigned char bytes[64];
  socklen_t len = sizeof bytes;
  if (getsockopt(fd, IPPROTO_IP, IP_OPTIONS, bytes, &len)) { SAY("kept: %s", t_error(errno)); return; }
  printf("kept %d: ", len);
  show_bytes(bytes, len);
  printf("\n");
}

#define BYTES(...) (const unsigned char[]){__VA_ARGS__}, sizeof((const unsigned char[]){__VA_ARGS__})
static void set(int fd, const char *what, const unsigned char *bytes, int len) {
  printf("%s: %s\n", what, setsockopt(fd, IPPROTO_IP, IP_OPTIONS, bytes, len) ? t_error(errno) : "ok");
}

// Which are right.
static void checks(int kind) {
  int fd = socket(AF_INET, kind, kind == SOCK_RAW ? 253 : 0);
  kept(fd);
  set(fd, "nothing", NULL, 0);
  set(fd, "padding", BYTES(1, 1, 0));
  kept(fd);
  set(fd, "one byte", BYTES(1));
  kept(fd);
  set(fd, "end and more", BYTES(0, 7, 7, 7));
  kept(fd);
  set(fd, "too long", BYTES(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1));
  set(fd, "cut off", BYTES(7));
  set(fd, "no length", BYTES(7, 1, 4, 0));
  set(fd, "longer than it is", BYTES(7, 9, 4, 0));
  set(fd, "route", BYTES(7, 7, 4, 0, 0, 0, 0));
  kept(fd);
  set(fd, "route of many", BYTES(7, 39, 4, [39] = 0));
  kept(fd);
  set(fd, "routes", BYTES(7, 7, 4, 0, 0, 0, 0, 7, 7, 4, 0, 0, 0, 0));
  set(fd, "route without room", BYTES(7, 7, 8, 1, 2, 3, 4));
  kept(fd);
  set(fd, "route with little room", BYTES(7, 6, 4, 0, 0, 0));
  set(fd, "route with wrong pointer", BYTES(7, 7, 3, 0, 0, 0, 0));
  set(fd, "times", BYTES(68, 8, 5, 0, 0, 0, 0, 0));
  kept(fd);
  set(fd, "times and addresses", BYTES(68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0));
  kept(fd);
  set(fd, "times of some", BYTES(68, 12, 5, 3, 127, 0, 0, 1, 0, 0, 0, 0));
  kept(fd);
  set(fd, "times of others", BYTES(68, 12, 5, 3, 192, 0, 2, 1, 0, 0, 0, 0));
  kept(fd);
  set(fd, "times in a wrong way", BYTES(68, 8, 5, 2, 0, 0, 0, 0));
  set(fd, "times with wrong pointer", BYTES(68, 8, 4, 0, 0, 0, 0, 0));
  set(fd, "times without room", BYTES(68, 8, 9, 0, 1, 2, 3, 4));
  kept(fd);
  set(fd, "times that overflow", BYTES(68, 8, 9, 0xf0, 1, 2, 3, 4));
  set(fd, "source route", BYTES(131, 7, 4, 127, 0, 0, 1));
  kept(fd);
  set(fd, "source route of two", BYTES(131, 11, 4, 127, 0, 0, 1, 127, 0, 0, 2));
  kept(fd);
  set(fd, "strict source route", BYTES(137, 7, 4, 127, 0, 0, 1));
  kept(fd);
  set(fd, "source route and another", BYTES(131, 7, 4, 127, 0, 0, 1, 137, 7, 4, 127, 0, 0, 1));
  set(fd, "source route without address", BYTES(131, 3, 4));
  set(fd, "source route with pointer", BYTES(131, 7, 8, 127, 0, 0, 1));
  set(fd, "alert", BYTES(148, 4, 0, 0));
  kept(fd);
  set(fd, "short alert", BYTES(148, 3, 0));
  set(fd, "security", BYTES(130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  set(fd, "something else", BYTES(30, 4, 1, 2));
  kept(fd);
  set(fd, "none any more", NULL, 0);
  kept(fd);
  close(fd);
}

static int named(const char *ip, int port) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in where = at(ip, port);
  if (bind(fd, (struct sockaddr *)&where, sizeof where)) SAY("bind: %s", t_error(errno));
  return fd;
}

static int sent(int fd, const char *ip, int port) {
  struct sockaddr_in where = at(ip, port);
  return sendto(fd, "x", 1, 0, (struct sockaddr *)&where, sizeof where);
}

// Times are shown as zeros.
static void receive(int fd) {
  char bytes[100];
  unsigned char control[256];
  struct sockaddr_in from = {0};
  struct iovec iov = {bytes, sizeof bytes};
  struct msghdr m = {&from, sizeof from, &iov, 1, control, sizeof control, 0};
  struct pollfd p = {fd, POLLIN, 0};
  poll(&p, 1, 1000);
  ssize_t len = recvmsg(fd, &m, MSG_DONTWAIT);
  if (len < 0) { SAY("nothing: %s", t_error(errno)); return; }
  printf("%zd bytes from %s, flags %x", len, inet_ntoa(from.sin_addr), m.msg_flags);
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
    unsigned char *body = CMSG_DATA(c);
    int size = c->cmsg_len - CMSG_LEN(0);
    if (body[0] == 68 && c->cmsg_type != IP_PKTINFO) {
      int step = (body[3] & 15) ? 8 : 4;
      for (int i = 4 + step - 4; i + 4 <= body[2] - 1 && i + 4 <= size; i += step) {
        unsigned time;
        memcpy(&time, body + i, 4);
        time = ntohl(time);
        memset(body + i, time > 0 && time < 86400000 ? 0xff : 0, 4);
      }
    }
    printf(", %d/%d ", c->cmsg_level, c->cmsg_type);
    show_bytes(body, size);
  }
  printf("\n");
}

static void sending(void) {
  int own = named("0.0.0.0", 4600), fd = named("127.0.0.1", 0), on = 1, off = 0;
  T(setsockopt(own, IPPROTO_IP, IP_RECVOPTS, &on, sizeof on));
  sent(fd, "127.0.0.1", 4600);
  receive(own);
  set(fd, "route", BYTES(7, 15, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  sent(fd, "127.0.0.1", 4600);
  receive(own);
  sent(fd, "127.0.0.2", 4600);
  receive(own);
  set(fd, "one place", BYTES(7, 7, 4, 0, 0, 0, 0));
  sent(fd, "127.0.0.2", 4600);
  receive(own);
  set(fd, "times", BYTES(68, 20, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  sent(fd, "127.0.0.1", 4600);
  receive(own);
  set(fd, "times and addresses", BYTES(68, 20, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  sent(fd, "127.0.0.1", 4600);
  receive(own);
  set(fd, "times of some", BYTES(68, 20, 5, 3, 127, 0, 0, 1, 0, 0, 0, 0, 192, 0, 2, 1, 0, 0, 0, 0));
  sent(fd, "127.0.0.1", 4600);
  receive(own);
  set(fd, "little room", BYTES(68, 8, 5, 0, 0, 0, 0, 0));
  sent(fd, "127.0.0.1", 4600);
  receive(own);
  set(fd, "something else", BYTES(30, 6, 1, 2, 3, 4));
  sent(fd, "127.0.0.1", 4600);
  receive(own);
  set(fd, "alert", BYTES(148, 4, 0, 0));
  sent(fd, "127.0.0.1", 4600);
  receive(own);
  T(setsockopt(own, IPPROTO_IP, IP_RECVOPTS, &off, sizeof off));
  T(setsockopt(own, IPPROTO_IP, IP_RETOPTS, &on, sizeof on));
  set(fd, "route", BYTES(7, 15, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  sent(fd, "127.0.0.1", 4600);
  receive(own);
  set(fd, "times and addresses", BYTES(68, 20, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  sent(fd, "127.0.0.1", 4600);
  receive(own);
  set(fd, "something else", BYTES(30, 6, 1, 2, 3, 4));
  sent(fd, "127.0.0.1", 4600);
  receive(own);
  kept(fd);
  // Along with a datagram.
  set(fd, "none", NULL, 0);
  T(setsockopt(own, IPPROTO_IP, IP_RECVOPTS, &on, sizeof on));
  struct sockaddr_in where = at("127.0.0.1", 4600);
  unsigned char route[] = {7, 7, 4, 0, 0, 0, 0}, wrong[] = {7, 7, 3, 0, 0, 0, 0};
  char control[CMSG_SPACE(64)] = {0};
  struct iovec iov = {"along", 5};
  struct msghdr m = {&where, sizeof where, &iov, 1, control, CMSG_SPACE(sizeof route), 0};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = IPPROTO_IP;
  c->cmsg_type = IP_RETOPTS;
  c->cmsg_len = CMSG_LEN(sizeof route);
  memcpy(CMSG_DATA(c), route, sizeof route);
  T(sendmsg(fd, &m, 0));
  receive(own);
  memcpy(CMSG_DATA(c), wrong, sizeof wrong);
  T(sendmsg(fd, &m, 0));
  c->cmsg_type = IP_RECVOPTS;
  T(sendmsg(fd, &m, 0));
  c->cmsg_type = IP_OPTIONS;
  T(sendmsg(fd, &m, 0));
  close(fd);
  close(own);
}

static void source_routes(void) {
  int own = named("0.0.0.0", 4610), fd = named("127.0.0.1", 0), on = 1;
  T(setsockopt(own, IPPROTO_IP, IP_RECVOPTS, &on, sizeof on));
  set(fd, "source route", BYTES(131, 7, 4, 127, 0, 0, 1));
  T(sent(fd, "127.0.0.2", 4610));
  receive(own);
  T(sent(fd, "0.0.0.0", 4610));
  close(fd);
  close(own);
}

static void rights(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fork() == 0) {
    setgroups(0, NULL);
    setresgid(NOBODY, NOBODY, NOBODY);
    setresuid(NOBODY, NOBODY, NOBODY);
    set(fd, "route", BYTES(7, 7, 4, 0, 0, 0, 0));
    set(fd, "something else", BYTES(30, 4, 1, 2));
    set(fd, "security", BYTES(130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0));
    set(fd, "alert", BYTES(148, 4, 0, 0));
    set(fd, "source route", BYTES(131, 7, 4, 127, 0, 0, 1));
    set(fd, "strict source route", BYTES(137, 7, 4, 127, 0, 0, 1));
    set(fd, "times in a wrong way", BYTES(68, 8, 5, 2, 0, 0, 0, 0));
    exit(done());
  }
  int status;
  wait(&status);
  close(fd);
}

static void raw(void) {
  int own = socket(AF_INET, SOCK_RAW, 253), fd = socket(AF_INET, SOCK_RAW, 253);
  set(fd, "route", BYTES(7, 7, 4, 0, 0, 0, 0));
  struct sockaddr_in where = at("127.0.0.1", 0);
  unsigned char bytes[128];
  T(sendto(fd, "raw", 3, 0, (struct sockaddr *)&where, sizeof where));
  struct pollfd p = {own, POLLIN, 0};
  poll(&p, 1, 1000);
  ssize_t len = T(recv(own, bytes, sizeof bytes, MSG_DONTWAIT));
  if (len > 20) show_bytes(bytes + 20, len - 20), printf(" %d\n", bytes[0]);
  close(own);
  close(fd);
}

int main(void) {
  own_network();
  checks(SOCK_DGRAM);
  checks(SOCK_STREAM);
  checks(SOCK_RAW);
  sending();
  source_routes();
  rights();
  raw();
  return done();
}
