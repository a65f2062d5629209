// Who connects waits for room in the listener's queue; who polls hears of room for datagrams; a listener that is shut down accepts nobody.
#include "../include/t.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define CLIENTS 4

static struct sockaddr_un address;
static socklen_t length;

static void name(const char *text) {
  address.sun_family = AF_UNIX;
  length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)snprintf(address.sun_path + 1, 60, "%s %d", text, getpid()));
}

static void streams(void) {
  name("streams");
  int listener = socket(AF_UNIX, SOCK_STREAM, 0), status;
  T(bind(listener, (struct sockaddr *)&address, length));
  T(listen(listener, 0));
  pid_t clients[CLIENTS];
  for (int i = 0; i < CLIENTS; i++) {
    clients[i] = fork();
    if (clients[i] == 0) {
      char c;
      int s = socket(AF_UNIX, SOCK_STREAM, 0);
      if (connect(s, (struct sockaddr *)&address, length)) _exit(1);
      _exit(read(s, &c, 1) == 1 ? 0 : 2);
    }
  }
  // One has connected, and the others wait to.
  for (int i = 0; i < CLIENTS; i++) until_asleep(clients[i]);
  int hasty = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  T(connect(hasty, (struct sockaddr *)&address, length));
  for (int i = 0; i < CLIENTS; i++) {
    int one = accept(listener, NULL, NULL);
    if (write(one, "x", 1) != 1) SAY("nothing can be written");
    close(one);
  }
  for (int i = 0; i < CLIENTS; i++) {
    waitpid(clients[i], &status, 0);
    T(status);
  }
  pid_t accepts = fork();
  if (accepts == 0) _exit(accept(listener, NULL, NULL) == -1 ? errno : 0);
  until_asleep(accepts);
  T(shutdown(listener, SHUT_RD));
  waitpid(accepts, &status, 0);
  SAY("%s", t_error(WEXITSTATUS(status)));
  T(connect(hasty, (struct sockaddr *)&address, length));
}

static void datagrams(void) {
  name("datagrams");
  int receiver = socket(AF_UNIX, SOCK_DGRAM, 0), status;
  T(bind(receiver, (struct sockaddr *)&address, length));
  int fills = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), sent = 0;
  T(connect(fills, (struct sockaddr *)&address, length));
  static char bytes[20000];
  while (write(fills, bytes, sizeof bytes) > 0) sent++;
  IS(errno == EAGAIN && sent > 1);
  pid_t polls = fork();
  if (polls == 0) {
    int s = socket(AF_UNIX, SOCK_DGRAM, 0);
    connect(s, (struct sockaddr *)&address, length);
    struct pollfd f = {s, POLLOUT, 0};
    _exit(poll(&f, 1, -1) == 1 && f.revents == POLLOUT ? 0 : 1);
  }
  pid_t sends = fork();
  if (sends == 0) {
    int s = socket(AF_UNIX, SOCK_DGRAM, 0);
    connect(s, (struct sockaddr *)&address, length);
    _exit(write(s, bytes, sizeof bytes) == sizeof bytes ? 0 : 1);
  }
  until_asleep(polls);
  until_asleep(sends);
  for (; sent >= 0; sent--)
    if (read(receiver, bytes, sizeof bytes) != sizeof bytes) SAY("not all");
  waitpid(polls, &status, 0);
  T(status);
  waitpid(sends, &status, 0);
  T(status);
}

int main(void) {
  streams();
  datagrams();
  return done();
}
