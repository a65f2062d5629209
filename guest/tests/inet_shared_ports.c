// Ports of those who connect: shared towards different servers, unique towards one, given back, and none yet for who only has an address.
//: root
#include "../include/inet.h"
#include <netinet/in.h>

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

static int listener(const char *ip, int port) {
  struct sockaddr_in where = at(ip, port);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(fd, (struct sockaddr *)&where, sizeof where) || listen(fd, 100)) SAY("no listener");
  return fd;
}

// One that may only have ports 40000 to 40002.
static int client(void) {
  unsigned range = 40002u << 16 | 40000;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof range);
  return fd;
}

static int reach(int fd, const char *ip, int port) {
  struct sockaddr_in where = at(ip, port);
  return connect(fd, (struct sockaddr *)&where, sizeof where);
}

int main(void) {
  own_network();
  listener("127.0.0.1", 5001);
  listener("127.0.0.1", 5002);
  listener("127.0.0.2", 5001);
  int fds[9], used[3] = {0};
  SAY("three servers");
  for (int i = 0; i < 9; i++) {
    static const struct { const char *ip; int port; } servers[] = {{"127.0.0.1", 5001}, {"127.0.0.1", 5002}, {"127.0.0.2", 5001}};
    fds[i] = client();
    T(reach(fds[i], servers[i % 3].ip, servers[i % 3].port));
    int port = port_of(fds[i]);
    if (port >= 40000 && port <= 40002) used[port - 40000]++;
  }
  SAY("each port %d %d %d times", used[0], used[1], used[2]);
  SAY("one too many");
  int more = client();
  T(reach(more, "127.0.0.1", 5001));
  SAY("a port that connections have is nobody else's");
  struct sockaddr_in own = at("127.0.0.1", 40000), all = at("0.0.0.0", 40001);
  int bound = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  T(bind(bound, (struct sockaddr *)&own, sizeof own));
  T(bind(bound, (struct sockaddr *)&all, sizeof all));
  SAY("from another address");
  own = at("127.0.0.3", 0);
  setsockopt(more, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  T(bind(more, (struct sockaddr *)&own, sizeof own));
  SAY("port %d", port_of(more));
  T(reach(more, "127.0.0.1", 5001));
  IS(port_of(more) >= 40000 && port_of(more) <= 40002);
  SAY("who has bound a port has it alone");
  own = at("127.0.0.1", 40010);
  T(bind(bound, (struct sockaddr *)&own, sizeof own));
  unsigned range = 40010u << 16 | 40010;
  int last = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(last, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof range);
  T(reach(last, "127.0.0.1", 5001));
  close(bound);
  T(reach(last, "127.0.0.1", 5001));
  IS(port_of(last) == 40010);
  return done();
}
