// Ports run out: ranges of a socket's own, and what who connects and who binds is told when nothing is left.
#include "../include/t.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define LOCAL_PORT_RANGE 51

// A port from which on so many are nobody's.
static uint32_t free_ports(int count) {
  srand(getpid() * 31 + time(0));
  for (;;) {
    int first = 40000 + rand() % 15000, good = 0;
    for (int i = 0; i < count; i++)
      for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(first + i)};
        int s = socket(AF_INET, type, 0);
        good += bind(s, (struct sockaddr *)&any, sizeof any) == 0;
        close(s);
      }
    if (good == 2 * count) return first;
  }
}

int main(void) {
  struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, name;
  socklen_t len = sizeof where;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  T(bind(listener, (struct sockaddr *)&where, len));
  T(listen(listener, 64));
  T(getsockname(listener, (struct sockaddr *)&where, &len));
  uint32_t first = free_ports(4), range = (first + 3) << 16 | first;
  int fds[8];
  SAY("connecting");
  for (int i = 0; i < 5; i++) {
    fds[i] = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fds[i], IPPROTO_IP, LOCAL_PORT_RANGE, &range, sizeof range);
    T(connect(fds[i], (struct sockaddr *)&where, sizeof where));
    len = sizeof name;
    getsockname(fds[i], (struct sockaddr *)&name, &len);
    if (i < 4) IS(ntohs(name.sin_port) >= first && ntohs(name.sin_port) <= first + 3);
  }
  close(fds[4]);
  SAY("binding");
  first = free_ports(2);
  range = (first + 1) << 16 | first;
  for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
    name = (struct sockaddr_in){.sin_family = AF_INET};
    for (int i = 4; i < 7; i++) {
      fds[i] = socket(AF_INET, type, 0);
      setsockopt(fds[i], IPPROTO_IP, LOCAL_PORT_RANGE, &range, sizeof range);
      T(bind(fds[i], (struct sockaddr *)&name, sizeof name));
    }
    for (int i = 4; i < 7; i++) close(fds[i]);
  }
  range = 10u << 16;
  fds[4] = socket(AF_INET, SOCK_DGRAM, 0);
  T(setsockopt(fds[4], IPPROTO_IP, LOCAL_PORT_RANGE, &range, sizeof range));
  T(bind(fds[4], (struct sockaddr *)&name, sizeof name));
  len = sizeof name;
  T(getsockname(fds[4], (struct sockaddr *)&name, &len));
  IS(ntohs(name.sin_port) > 1024);
  return done();
}
