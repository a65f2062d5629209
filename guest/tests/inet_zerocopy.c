// Sending without a copy (MSG_ZEROCOPY): the queue of errors says which calls are done with their memory, and that they were copied all the same on loopback.
#include "../include/inet.h"
#include "../include/queue.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

static char big[20000];

static void look(const char *what, int s) {
  struct pollfd waits = {s, 0, 0};
  T(poll(&waits, 1, 0));
  SAY("%s: %#x", what, waits.revents);
}

static void set(int s, int value) { SAY("SO_ZEROCOPY %d: %s", value, setsockopt(s, SOL_SOCKET, SO_ZEROCOPY, &value, sizeof value) ? t_error(errno) : "ok"); }

static void drain(int s, long all) {
  static char into[sizeof big];
  while (all > 0) {
    long count = recv(s, into, sizeof into, 0);
    if (count <= 0) {
      SAY("recv: %ld", count);
      return;
    }
    all -= count;
  }
}

static void stream(int family) {
  struct sockaddr *where;
  socklen_t len;
  int listener = on_loopback(family, SOCK_STREAM, &where, &len), client = socket(family, SOCK_STREAM, 0);
  told(client);
  T(connect(client, where, len));
  int server = accept(listener, 0, 0);
  SAY("not asked for");
  T(send(client, big, 100, MSG_ZEROCOPY));
  told(client);
  // What waits to be read is not what the queue of errors has.
  told(server);
  drain(server, 100);
  set(client, 1);
  T(send(client, big, 0, MSG_ZEROCOPY));
  told(client);
  look("nothing", client);
  T(send(client, big, 100, MSG_ZEROCOPY));
  drain(server, 100);
  usleep(20000);
  look("one", client);
  told(client);
  look("told", client);
  for (int i = 0; i < 3; i++) {
    T(send(client, big, sizeof big, MSG_ZEROCOPY));
    drain(server, sizeof big);
  }
  T(send(client, big, 10, 0));
  drain(server, 10);
  T(send(client, big, 10, MSG_ZEROCOPY));
  drain(server, 10);
  usleep(20000);
  told(client);
  int error = -1;
  len = sizeof error;
  T(getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &len));
  SAY("error %d", error);
  set(client, 0);
  T(send(client, big, 10, MSG_ZEROCOPY));
  drain(server, 10);
  told(client);
  set(client, 1);
  T(send(client, big, 10, MSG_ZEROCOPY));
  drain(server, 10);
  usleep(20000);
  told(client);
  T(close(server));
  T(send(client, big, 10, MSG_ZEROCOPY | MSG_NOSIGNAL));
  told(listener);
  close(client);
  close(listener);
}

static void datagrams(int family) {
  struct sockaddr *where;
  socklen_t len;
  int to = on_loopback(family, SOCK_DGRAM, &where, &len), from = socket(family, SOCK_DGRAM, 0);
  T(sendto(from, big, 50, MSG_ZEROCOPY, where, len));
  told(from);
  set(from, 1);
  T(sendto(from, big, 50, MSG_ZEROCOPY, where, len));
  T(sendto(from, big, 50, MSG_ZEROCOPY, where, len));
  T(sendto(from, big, 0, MSG_ZEROCOPY, where, len));
  T(sendto(from, big, 50, 0, where, len));
  usleep(20000);
  look("sent", from);
  for (int i = 0; i < 5; i++) recv(to, big, sizeof big, 0);
  usleep(20000);
  look("received", from);
  told(from);
  T(sendto(from, big, 50, MSG_ZEROCOPY, where, len));
  recv(to, big, sizeof big, 0);
  usleep(20000);
  told(from);
  close(from);
  close(to);
}

int main(void) {
  stream(AF_INET);
  stream(AF_INET6);
  datagrams(AF_INET);
  datagrams(AF_INET6);
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  set(s, 1);
  s = socket(AF_INET, SOCK_RAW, 1);
  if (s >= 0) set(s, 1);
  s = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
  if (s >= 0) set(s, 1);
  return 0;
}
