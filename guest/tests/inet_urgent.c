// Urgent data within the machine: the byte beside the stream, where the stream stops for it, what is polled, and the signal to the owner.
#include "../include/inet.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

static volatile sig_atomic_t urgent_signals;
static void on_urgent(int number) { urgent_signals += number == SIGURG; }

static int revents(int fd) {
  struct pollfd p = {fd, POLLIN | POLLPRI | POLLRDBAND | POLLRDHUP | POLLOUT, 0};
  poll(&p, 1, 0);
  return p.revents;
}

static void look(const char *what, int fd) {
  int mark = -1, waiting = -1;
  ioctl(fd, SIOCATMARK, &mark);
  ioctl(fd, FIONREAD, &waiting);
  SAY("%s: events %x, mark %d, waiting %d", what, revents(fd), mark, waiting);
}

static void get(int fd, int room, int flags) {
  char buffer[64] = "";
  struct iovec piece = {buffer, room};
  struct msghdr header = {.msg_iov = &piece, .msg_iovlen = 1};
  ssize_t count = recvmsg(fd, &header, flags | MSG_DONTWAIT);
  if (count < 0) SAY("  get %d (%x): %s", room, flags, t_error(errno));
  else SAY("  get %d (%x): %zd \"%.*s\" flags %x", room, flags, count, (int)count, buffer, header.msg_flags & ~MSG_CMSG_CLOEXEC);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGURG, on_urgent);
  int c, s, one = 1, zero = 0, mark;

  SAY("one byte beside the stream");
  connected(&c, &s);
  look("at first", s);
  get(s, 1, MSG_OOB);
  T(send(c, "abc", 3, MSG_OOB));
  look("sent abc", s);
  get(s, 1, MSG_OOB | MSG_PEEK);
  get(s, 10, MSG_PEEK);
  get(s, 10, 0);
  look("read ab", s);
  get(s, 10, MSG_OOB);
  look("read c", s);
  get(s, 10, MSG_OOB);
  get(s, 10, 0);
  T(send(c, "de", 2, 0));
  look("sent de", s);
  get(s, 10, MSG_PEEK);
  get(s, 1, 0);
  look("read d", s);
  get(s, 10, 0);
  get(s, 10, MSG_OOB);

  SAY("unread and passed");
  T(send(c, "f", 1, MSG_OOB));
  look("sent f", s);
  get(s, 0, MSG_OOB | MSG_PEEK);
  get(s, 10, 0);
  T(send(c, "ghi", 3, 0));
  look("sent ghi", s);
  get(s, 2, 0);
  look("read gh", s);
  get(s, 10, MSG_OOB);
  get(s, 10, 0);

  SAY("two in a row");
  T(send(c, "jk", 2, MSG_OOB));
  T(send(c, "lm", 2, MSG_OOB));
  look("sent jk, lm", s);
  get(s, 10, 0);
  look("read on", s);
  get(s, 10, MSG_OOB);
  get(s, 10, 0);
  T(send(c, "n", 1, MSG_OOB));
  T(send(c, "o", 1, MSG_OOB));
  look("sent n, o", s);
  get(s, 10, 0);
  get(s, 10, MSG_OOB);
  get(s, 10, 0);
  T(send(c, "", 0, MSG_OOB));
  look("sent nothing", s);
  get(s, 0, MSG_OOB);

  SAY("in the stream");
  T(setsockopt(s, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one));
  T(send(c, "pqr", 3, MSG_OOB));
  T(send(c, "st", 2, 0));
  look("sent pqr, st", s);
  get(s, 1, MSG_OOB);
  get(s, 10, MSG_PEEK);
  get(s, 10, 0);
  look("read pq", s);
  get(s, 10, 0);
  look("read rst", s);
  T(send(c, "u", 1, MSG_OOB));
  look("sent u", s);
  T(setsockopt(s, SOL_SOCKET, SO_OOBINLINE, &zero, sizeof zero));
  look("not in the stream any more", s);
  get(s, 1, MSG_OOB);
  T(setsockopt(s, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one));
  look("in the stream again", s);
  get(s, 10, 0);
  T(setsockopt(s, SOL_SOCKET, SO_OOBINLINE, &zero, sizeof zero));

  SAY("a signal to the owner");
  SAY("%d so far", urgent_signals);
  T(fcntl(s, F_SETOWN, getpid()) == 0);
  T(send(c, "v", 1, MSG_OOB));
  SAY("%d", urgent_signals);
  T(send(c, "w", 1, 0));
  SAY("%d", urgent_signals);
  T(send(c, "xy", 2, MSG_OOB));
  SAY("%d", urgent_signals);
  get(s, 1, MSG_OOB);
  get(s, 10, 0);
  get(s, 10, 0);
  T(fcntl(s, F_SETOWN, 0));
  T(send(c, "z", 1, MSG_OOB));
  SAY("%d", urgent_signals);

  SAY("select and epoll");
  fd_set except, in;
  struct timeval now = {0, 0};
  FD_ZERO(&except);
  FD_ZERO(&in);
  FD_SET(s, &except);
  FD_SET(s, &in);
  T(select(s + 1, &in, 0, &except, &now));
  SAY("%d %d", FD_ISSET(s, &in) != 0, FD_ISSET(s, &except) != 0);
  get(s, 1, MSG_OOB);
  int e = epoll_create1(0);
  struct epoll_event event = {EPOLLPRI | EPOLLET, {0}};
  T(epoll_ctl(e, EPOLL_CTL_ADD, s, &event));
  T(epoll_wait(e, &event, 1, 0));
  T(send(c, "A", 1, 0));
  T(epoll_wait(e, &event, 1, 0));
  T(send(c, "B", 1, MSG_OOB));
  T(epoll_wait(e, &event, 1, 1000));
  SAY("%x", event.events);
  T(epoll_wait(e, &event, 1, 0));
  get(s, 1, MSG_OOB);
  get(s, 9, 0);
  close(e);

  SAY("with an end");
  T(send(c, "C", 1, MSG_OOB));
  T(shutdown(c, SHUT_WR));
  look("the end", s);
  get(s, 1, MSG_OOB);
  get(s, 1, 0);
  get(s, 1, MSG_OOB);
  look("after the end", s);
  T(send(s, "D", 1, MSG_OOB));
  look("the other way", c);
  get(c, 1, MSG_OOB);
  get(c, 1, 0);
  close(c), close(s);

  SAY("unread, and closed");
  connected(&c, &s);
  T(send(c, "E", 1, MSG_OOB));
  get(s, 1, MSG_OOB);
  close(s);
  SAY("%x", revents(c));
  T(read(c, &mark, 1));
  close(c);

  SAY("without a connection");
  c = socket(AF_INET, SOCK_STREAM, 0);
  T(send(c, "x", 1, MSG_OOB));
  get(c, 1, MSG_OOB);
  look("nobody", c);
  T(listen(c, 1));
  mark = 7;
  T(ioctl(c, SIOCATMARK, &mark));
  SAY("%d", mark);
  get(c, 1, MSG_OOB);
  close(c);
  c = socket(AF_INET, SOCK_DGRAM, 0);
  T(send(c, "x", 1, MSG_OOB));
  get(c, 1, MSG_OOB);
  T(ioctl(c, SIOCATMARK, &mark));
  return done();
}
