// What is left of connections within the machine: who may have the port of one that is over, how it is listed, and who may connect again between the same two.
#include "../include/inet.h"
#include <netinet/tcp.h>

#define LOCAL_PORT_RANGE 51

// How connections from a port are listed: their states, what they wait for, and whether they are a socket's.
static const char *states_of(int port) {
  static char states[64];
  char line[512];
  states[0] = 0;
  FILE *file = fopen("/proc/net/tcp", "r");
  while (fgets(line, sizeof line, file)) {
    unsigned own, state, timer;
    unsigned long inode;
    if (sscanf(line, " %*d: %*x:%x %*x:%*x %x %*x:%*x %x:%*x %*x %*d %*d %lu", &own, &state, &timer, &inode) == 4 && (int)own == port)
      snprintf(states + strlen(states), sizeof states - strlen(states), " %02x/%u/%d", state, timer, inode != 0);
  }
  fclose(file);
  return states;
}

static void listed(const char *what, int port) { SAY("%s:%s", what, states_of(port)); }

static int waiting(void) {
  char line[256];
  int count = -1;
  FILE *file = fopen("/proc/net/sockstat", "r");
  while (fgets(line, sizeof line, file)) sscanf(line, "TCP: inuse %*d orphan %*d tw %d", &count);
  fclose(file);
  return count;
}

static void set(const char *path, const char *value) {
  FILE *file = fopen(path, "w");
  if (file) fputs(value, file), fclose(file);
}

// Whether a port may be had, as a server that is started again would ask for it.
static void again(const char *what, int port, int reuse) {
  int s = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in where = at("127.0.0.1", port);
  setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
  int failed = bind(s, (struct sockaddr *)&where, sizeof where) || listen(s, 1) ? errno : 0;
  SAY("%s%s: %s", what, reuse ? " (reused)" : "", failed ? t_error(failed) : "has it");
  close(s);
}

static int listener(int port, int reuse) {
  struct sockaddr_in where = at("127.0.0.1", port);
  int s = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
  if (bind(s, (struct sockaddr *)&where, sizeof where) || listen(s, 5)) SAY("no listener: %s", t_error(errno));
  return s;
}

static int joined(int l, int c, int *s) {
  struct sockaddr_in where = at("127.0.0.1", port_of(l));
  if (connect(c, (struct sockaddr *)&where, sizeof where)) return errno;
  *s = accept(l, 0, 0);
  return 0;
}

int main(void) {
  own_network();
  signal(SIGPIPE, SIG_IGN);
  char byte;
  int c, s, port, other, before = waiting();

  SAY("the server ends first");
  connected(&c, &s);
  port = port_of(s), other = port_of(c);
  close(s);
  // The other side's answer may take a while.
  for (int tries = 0; tries < 300 && !strstr(states_of(port), " 05"); tries++) usleep(100000);
  listed("one end", port);
  again("one end", port, 0);
  T(read(c, &byte, 1));
  close(c);
  listed("both ends", port);
  listed("the other side", other);
  again("both ends", port, 0);
  again("both ends", port, 1);
  again("the other side", other, 0);
  IS(waiting() - before == 1);

  SAY("the client ends first");
  connected(&c, &s);
  port = port_of(s), other = port_of(c);
  close(c), close(s);
  listed("the server", port);
  listed("the client", other);
  again("the server", port, 0);
  again("the client", other, 0);

  SAY("a direction ends, then the other, then the sockets go");
  connected(&c, &s);
  port = port_of(s);
  shutdown(s, SHUT_WR), shutdown(c, SHUT_WR);
  again("both ends", port, 0);
  close(s), close(c);
  listed("both gone", port);
  again("both gone", port, 0);

  SAY("the second to end goes first");
  connected(&c, &s);
  port = port_of(s), other = port_of(c);
  shutdown(s, SHUT_WR);
  close(c), close(s);
  listed("the first", port);
  listed("the second", other);

  SAY("with the address to be reused");
  int l = listener(0, 1);
  port = port_of(l);
  c = socket(AF_INET, SOCK_STREAM, 0);
  joined(l, c, &s);
  close(s), close(c), close(l);
  listed("the server", port);
  again("the server", port, 0);
  again("the server", port, 1);

  SAY("resets leave nothing");
  struct linger linger = {1, 0};
  connected(&c, &s);
  port = port_of(s);
  setsockopt(s, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(s);
  again("asked for", port, 0);
  close(c);
  listed("asked for", port);
  connected(&c, &s);
  port = port_of(s);
  T(write(c, "abc", 3));
  close(s);
  again("unread", port, 0);
  close(c);
  listed("unread", port);
  connected(&c, &s);
  port = port_of(s);
  close(s);
  T(write(c, "abc", 3));
  listed("sent in vain", port);
  again("sent in vain", port, 0);
  close(c);
  listed("sent in vain, gone", port);
  connected(&c, &s);
  port = port_of(s);
  close(s);
  setsockopt(c, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(c);
  listed("reset by the second", port);
  again("reset by the second", port, 0);

  SAY("the same two again");
  l = listener(0, 1);
  for (int server_first = 0; server_first < 2; server_first++) {
    c = socket(AF_INET, SOCK_STREAM, 0);
    joined(l, c, &s);
    other = port_of(c);
    server_first ? close(s) : close(c);
    server_first ? close(c) : close(s);
    listed("the client", other);
    // A port of one's own is taken from what is over, whatever is set.
    set("/proc/sys/net/ipv4/tcp_tw_reuse", "0");
    int one = 1;
    struct sockaddr_in where = at("127.0.0.1", other);
    c = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(c, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    SAY("bind: %s", bind(c, (struct sockaddr *)&where, sizeof where) ? t_error(errno) : "has it");
    close(c);
    uint32_t range = other << 16 | other;
    c = socket(AF_INET, SOCK_STREAM, 0);
    T(setsockopt(c, IPPROTO_IP, LOCAL_PORT_RANGE, &range, sizeof range));
    int failed = joined(l, c, &s);
    SAY("connect: %s", failed ? t_error(failed) : "connected");
    if (failed) {
      // What is as old as a second may go for a new one.
      set("/proc/sys/net/ipv4/tcp_tw_reuse", "2");
      for (int tries = 0; failed && tries < 300; tries++, usleep(100000)) failed = joined(l, c, &s);
      SAY("connect: %s", failed ? t_error(failed) : "connected");
    }
    IS(port_of(c) == other);
    listed("the client", other);
    close(c), close(s);
  }
  close(l);

  SAY("a port that was bound is taken from what is over");
  l = listener(0, 1);
  for (int round = 0; round < 3; round++) {
    int one = 1;
    struct sockaddr_in where = at("127.0.0.1", round ? other : 0);
    c = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(c, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    T(bind(c, (struct sockaddr *)&where, sizeof where));
    other = port_of(c);
    int failed = joined(l, c, &s);
    SAY("connect: %s", failed ? t_error(failed) : "connected");
    listed("the client", other);
    round ? close(s) : close(c);
    round ? close(c) : close(s);
  }
  return done();
}
