// Talks to an echo of datagrams on the host (10.0.2.2, in QEMU's user network) at the port that it is told: what goes along, errors, long ones.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in at(const char *ip, int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, ip, &a.sin_addr);
  return a;
}
#define SA(a) (struct sockaddr *)&(a), sizeof(a)
#define MUST(x) if (!(x)) return printf("failed: %s: %s\n", #x, strerror(errno)), 1

static int comes_in(int s, int patience) {
  struct pollfd p = {.fd = s, .events = POLLIN};
  return poll(&p, 1, patience) == 1;
}

static int comes(int s) { return comes_in(s, 10000); }

static int echo(int s, struct sockaddr_in *host, size_t len) {
  static char out[70000], in[70000];
  for (size_t i = 0; i < len; i++) out[i] = rand();
  // QEMU's network puts fragments together wrongly now and then, and answers with an error that quotes an address of nobody.
  for (int left = len > 1472 ? 8 : 1; left; left--) {
    MUST(sendto(s, out, len, 0, (struct sockaddr *)host, sizeof *host) == (ssize_t)len);
    if (comes_in(s, left > 1 ? 1000 : 10000)) break;
  }
  MUST(recv(s, in, sizeof in, MSG_DONTWAIT) == (ssize_t)len);
  MUST(!memcmp(out, in, len));
  printf("%zu bytes came back\n", len);
  return 0;
}

int main(int argc, char **argv) {
  struct sockaddr_in host = at("10.0.2.2", atoi(argv[argc - 1])), own;
  int one = 1, s = socket(AF_INET, SOCK_DGRAM, 0);
  char buffer[100], control[200];

  char names[200] = "";
  FILE *file = fopen("/etc/resolv.conf", "r");
  MUST(file);
  while (fgets(names, sizeof names, file)) printf("told: %s", names);
  fclose(file);

  // What goes along.
  setsockopt(s, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
  setsockopt(s, IPPROTO_IP, IP_RECVTTL, &one, sizeof one);
  setsockopt(s, IPPROTO_IP, IP_RECVTOS, &one, sizeof one);
  MUST(sendto(s, "hello", 5, 0, SA(host)) == 5);
  MUST(comes(s));
  struct sockaddr_in from;
  struct iovec piece = {buffer, sizeof buffer};
  struct msghdr got = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  MUST(recvmsg(s, &got, 0) == 5);
  printf("\"%.5s\" from %s\n", buffer, inet_ntoa(from.sin_addr));
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&got); c; c = CMSG_NXTHDR(&got, c)) {
    struct in_pktinfo *info = (void *)CMSG_DATA(c);
    if (c->cmsg_type == IP_PKTINFO) printf("by %d to %s\n", info->ipi_ifindex, inet_ntoa(info->ipi_addr));
    if (c->cmsg_type == IP_TTL) printf("%d hops left\n", *(int *)CMSG_DATA(c));
    if (c->cmsg_type == IP_TOS) printf("class %d\n", *CMSG_DATA(c));
  }
  MUST(echo(s, &host, 1) == 0);
  MUST(echo(s, &host, 1472) == 0);

  // What may not be sent.
  struct sockaddr_in everybody = at("10.0.2.255", 9);
  MUST(sendto(s, "x", 1, 0, SA(everybody)) == -1 && errno == EACCES);
  setsockopt(s, SOL_SOCKET, SO_BROADCAST, &one, sizeof one);
  MUST(sendto(s, "x", 1, 0, SA(everybody)) == 1);
  int never = IP_PMTUDISC_DO;
  setsockopt(s, IPPROTO_IP, IP_MTU_DISCOVER, &never, sizeof never);
  MUST(sendto(s, control - 0, 1472 + 1, 0, SA(host)) == -1 && errno == EMSGSIZE);
  int want = IP_PMTUDISC_WANT;
  setsockopt(s, IPPROTO_IP, IP_MTU_DISCOVER, &want, sizeof want);
  MUST(echo(s, &host, 1473) == 0);
  MUST(echo(s, &host, 9000) == 0);

  // Nobody has the address.
  struct sockaddr_in gone = at("10.0.2.77", 9);
  int g = socket(AF_INET, SOCK_DGRAM, 0);
  setsockopt(g, IPPROTO_IP, IP_RECVERR, &one, sizeof one);
  MUST(connect(g, SA(gone)) == 0);
  socklen_t len = sizeof own;
  MUST(getsockname(g, (struct sockaddr *)&own, &len) == 0);
  printf("own address %s\n", inet_ntoa(own.sin_addr));
  MUST(send(g, "lost", 4, 0) == 4);
  MUST(comes(g));
  MUST(recv(g, buffer, 1, 0) == -1 && errno == EHOSTUNREACH);
  got.msg_controllen = sizeof control;
  MUST(recvmsg(g, &got, MSG_ERRQUEUE) == 4);
  struct sock_extended_err *error = (void *)CMSG_DATA(CMSG_FIRSTHDR(&got));
  printf("\"%.4s\" to %s %d: %s (origin %d, type %d, code %d)\n", buffer, inet_ntoa(from.sin_addr), ntohs(from.sin_port), strerror(error->ee_errno), error->ee_origin, error->ee_type, error->ee_code);

  sendto(s, "end", 3, 0, SA(host));
  puts("datagrams came and went");
  return 0;
}
