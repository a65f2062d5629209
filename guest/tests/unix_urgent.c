// Urgent bytes of local streams (MSG_OOB): where reading stops, what is left out, what one finds in line, marks, signals and events.
#include "../include/t.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#ifndef SIOCATMARK
#define SIOCATMARK 0x8905
#endif
#ifndef SIOCINQ
#define SIOCINQ 0x541B
#endif

static volatile int urgent;
static void heard(int number) { (void)number; urgent++; }

static int pair[2];

static void make(void) { if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) SAY("no pair"); }
static void drop(void) { close(pair[0]); close(pair[1]); }

static void look(void) {
  struct pollfd p = {pair[1], POLLIN | POLLPRI | POLLOUT, 0};
  int mark = -1, waiting = -1;
  poll(&p, 1, 0);
  int failed = ioctl(pair[1], SIOCATMARK, &mark);
  ioctl(pair[1], FIONREAD, &waiting);
  SAY("events %x, mark %d%s, waiting %d", p.revents, mark, failed ? " failed" : "", waiting);
}

static void get(int most, int flags) {
  char bytes[64] = "";
  long count = recv(pair[1], bytes, most, flags | MSG_DONTWAIT);
  if (count < 0) SAY("recv(%d, %x): %s", most, flags, t_error(errno));
  else SAY("recv(%d, %x) = %ld '%.*s'", most, flags, count, (int)count, bytes);
}

static void give(const char *text, int flags) {
  long sent = send(pair[0], text, strlen(text), flags);
  SAY("send '%s'%s = %ld %s", text, flags & MSG_OOB ? " urgent" : "", sent, sent < 0 ? t_error(errno) : "");
}

static void in_line(int value) { T(setsockopt(pair[1], SOL_SOCKET, SO_OOBINLINE, &value, sizeof value)); }

int main(void) {
  struct sigaction action = {.sa_handler = heard, .sa_flags = SA_RESTART};
  sigaction(SIGURG, &action, 0);
  SAY("nothing");
  make();
  look();
  get(1, MSG_OOB);
  SAY("one byte");
  give("x", MSG_OOB);
  look();
  get(1, MSG_OOB | MSG_PEEK);
  get(1, MSG_OOB);
  get(1, MSG_OOB);
  get(8, 0);
  look();
  SAY("one byte that is not asked for");
  give("y", MSG_OOB);
  get(8, 0);
  get(1, MSG_OOB);
  drop();
  SAY("before and behind");
  make();
  give("abc", 0);
  give("X", MSG_OOB);
  give("def", 0);
  look();
  get(16, MSG_PEEK);
  get(2, 0);
  look();
  get(16, 0);
  look();
  get(1, MSG_OOB | MSG_PEEK);
  get(16, MSG_PEEK);
  get(16, 0);
  get(1, MSG_OOB);
  drop();
  SAY("read first");
  make();
  give("abc", 0);
  give("X", MSG_OOB);
  give("def", 0);
  get(1, MSG_OOB);
  look();
  get(16, 0);
  look();
  get(16, 0);
  look();
  drop();
  SAY("the last byte of several");
  make();
  give("abcX", MSG_OOB);
  look();
  get(16, 0);
  look();
  get(1, MSG_OOB);
  get(16, 0);
  drop();
  SAY("two");
  make();
  give("abX", MSG_OOB);
  give("cdY", MSG_OOB);
  give("ef", 0);
  look();
  get(16, 0);
  look();
  get(1, MSG_OOB);
  look();
  get(16, 0);
  look();
  drop();
  SAY("two, the first next to be read");
  make();
  give("X", MSG_OOB);
  give("Y", MSG_OOB);
  look();
  get(16, 0);
  get(1, MSG_OOB);
  get(16, 0);
  drop();
  SAY("two, the first read");
  make();
  give("aX", MSG_OOB);
  get(1, MSG_OOB);
  give("bY", MSG_OOB);
  get(16, 0);
  look();
  get(1, MSG_OOB);
  get(16, 0);
  drop();
  SAY("in line");
  make();
  in_line(1);
  give("abc", 0);
  give("X", MSG_OOB);
  give("def", 0);
  look();
  get(1, MSG_OOB);
  get(16, MSG_PEEK);
  get(16, 0);
  look();
  get(16, MSG_PEEK);
  get(16, 0);
  look();
  give("Z", MSG_OOB);
  look();
  get(16, 0);
  look();
  drop();
  SAY("in line afterwards");
  make();
  give("abcX", MSG_OOB);
  in_line(1);
  look();
  get(16, 0);
  look();
  get(16, 0);
  give("X", MSG_OOB);
  in_line(0);
  look();
  get(16, 0);
  drop();
  SAY("sending nothing");
  make();
  give("", MSG_OOB);
  look();
  SAY("with an end behind");
  give("aX", MSG_OOB);
  shutdown(pair[0], SHUT_WR);
  look();
  get(16, 0);
  look();
  get(16, 0);
  get(1, MSG_OOB);
  drop();
  make();
  give("X", MSG_OOB);
  close(pair[0]);
  look();
  get(1, MSG_OOB);
  get(16, 0);
  close(pair[1]);
  SAY("closed with one unread");
  make();
  give("X", MSG_OOB);
  close(pair[1]);
  char byte;
  T(recv(pair[0], &byte, 1, 0));
  T(send(pair[0], "X", 1, MSG_OOB | MSG_NOSIGNAL));
  close(pair[0]);
  make();
  give("aX", MSG_OOB);
  get(1, MSG_OOB);
  get(1, 0);
  close(pair[1]);
  T(recv(pair[0], &byte, 1, 0));
  close(pair[0]);
  SAY("signals");
  make();
  T(fcntl(pair[1], F_SETOWN, getpid()));
  urgent = 0;
  give("abX", MSG_OOB);
  IS(urgent == 1);
  give("Y", MSG_OOB);
  IS(urgent == 2);
  give("plain", 0);
  IS(urgent == 2);
  drop();
  SAY("other kinds");
  int kinds[] = {SOCK_DGRAM, SOCK_SEQPACKET};
  for (int i = 0; i < 2; i++) {
    socketpair(AF_UNIX, kinds[i], 0, pair);
    give("X", MSG_OOB);
    get(1, MSG_OOB);
    look();
    drop();
  }
  pair[1] = socket(AF_UNIX, SOCK_STREAM, 0);
  get(1, MSG_OOB);
  pair[0] = pair[1];
  give("X", MSG_OOB);
  close(pair[0]);
  return done();
}
