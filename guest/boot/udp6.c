// Configures itself by what QEMU's user network says (a router for fec0::/64), and talks to an echo of datagrams on the host by the newer protocol, at the port that it is told.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define MUST(x) if (!(x)) return printf("failed: %s: %s\n", #x, strerror(errno)), 1

static int echo(int s, struct sockaddr_in6 *host, size_t len) {
  static char out[70000], in[70000];
  for (size_t i = 0; i < len; i++) out[i] = rand();
  MUST(sendto(s, out, len, 0, (struct sockaddr *)host, sizeof *host) == (ssize_t)len);
  struct pollfd p = {.fd = s, .events = POLLIN};
  MUST(poll(&p, 1, 10000) == 1);
  MUST(recv(s, in, sizeof in, 0) == (ssize_t)len);
  MUST(!memcmp(out, in, len));
  printf("%zu bytes came back\n", len);
  return 0;
}

int main(int argc, char **argv) {
  struct sockaddr_in6 host = {.sin6_family = AF_INET6, .sin6_port = htons(atoi(argv[argc - 1]))}, own;
  inet_pton(AF_INET6, "fec0::2", &host.sin6_addr);
  int s = socket(AF_INET6, SOCK_DGRAM, 0);
  MUST(connect(s, (struct sockaddr *)&host, sizeof host) == 0);
  socklen_t len = sizeof own;
  MUST(getsockname(s, (struct sockaddr *)&own, &len) == 0);
  char text[64];
  printf("own address %s\n", inet_ntop(AF_INET6, &own.sin6_addr, text, sizeof text));
  MUST(echo(s, &host, 5) == 0);
  MUST(echo(s, &host, 1452) == 0);
  send(s, "end", 3, 0);
  puts("datagrams came and went");
  return 0;
}
