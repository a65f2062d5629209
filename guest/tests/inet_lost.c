// Connections that are refused to who does not wait: what the socket is ready for, says and shows, until it is asked to connect again.
#include "../include/inet.h"
#include <poll.h>

#define SA(a) (struct sockaddr *)&(a), sizeof(a)

static struct sockaddr_storage nobody, name;
static int family;

static int waits(int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
  poll(&p, 1, 5000);
  return p.revents;
}

static void shown(int fd) {
  socklen_t len = sizeof name;
  char text[INET6_ADDRSTRLEN];
  T(getsockname(fd, (struct sockaddr *)&name, &len));
  void *ip = family == AF_INET ? (void *)&((struct sockaddr_in *)&name)->sin_addr : &((struct sockaddr_in6 *)&name)->sin6_addr;
  SAY("shows %s %d", inet_ntop(family, ip, text, sizeof text), port_of(fd) != 0);
}

static int refused(void) {
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
  T(connect(fd, SA(nobody)));
  SAY("%x", waits(fd));
  return fd;
}

static void once_more(int fd) {
  T(connect(fd, SA(nobody)));
  shown(fd);
  SAY("%x", waits(fd));
  T(connect(fd, SA(nobody)));
  SAY("%x", waits(fd));
  T(connect(fd, SA(nobody)));
  SAY("%x", waits(fd));
  close(fd);
}

static void all(void) {
  char byte = 'x';
  int error = 0;
  socklen_t len = sizeof error;

  SAY("asked by connecting");
  int fd = refused();
  shown(fd);
  once_more(fd);

  SAY("asked by the option");
  fd = refused();
  T(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len));
  SAY("%s %x", t_error(error), waits(fd));
  shown(fd);
  once_more(fd);

  SAY("asked by receiving");
  fd = refused();
  T(recv(fd, &byte, 1, 0));
  T(recv(fd, &byte, 1, 0));
  T(send(fd, &byte, 1, MSG_NOSIGNAL));
  once_more(fd);

  SAY("asked by sending");
  fd = refused();
  T(send(fd, &byte, 1, MSG_NOSIGNAL));
  T(send(fd, &byte, 1, MSG_NOSIGNAL));
  T(recv(fd, &byte, 1, 0));
  once_more(fd);

  SAY("what else it does");
  fd = refused();
  T(listen(fd, 1));
  len = sizeof name;
  T(getpeername(fd, (struct sockaddr *)&name, &len));
  struct sockaddr_storage any = {.ss_family = family};
  T(bind(fd, SA(any)));
  once_more(fd);

  SAY("and waits the second time");
  fd = refused();
  T(fcntl(fd, F_SETFL, 0));
  once_more(fd);

  SAY("then to somebody");
  fd = refused();
  T(connect(fd, SA(nobody)));
  int s = socket(family, SOCK_STREAM, 0);
  T(bind(s, SA(nobody)));
  T(listen(s, 1));
  T(connect(fd, SA(nobody)));
  SAY("%x", waits(fd));
  T(connect(fd, SA(nobody)));
  T(connect(fd, SA(nobody)));
  close(s);
  close(fd);
}

int main(void) {
  own_network();
  struct sockaddr_in old = at("127.0.0.1", 9);
  family = AF_INET;
  memcpy(&nobody, &old, sizeof old);
  all();
  struct sockaddr_in6 new = {.sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  family = AF_INET6;
  memcpy(&nobody, &new, sizeof new);
  all();
  return 0;
}
