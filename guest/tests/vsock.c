// Vsock within the machine. Linux has a way to itself only with a module that few hosts load, so that what it would answer stands here.
//: linux-differs
//: cpus 1 2
#include "../include/t.h"
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

struct vm { unsigned short family, reserved; unsigned port, cid; unsigned char flags, zero[3]; };
enum { VSOCK = 40, ANY = -1, LOCAL = 1, HOST = 2 };
#define ADDRESS(a) (struct sockaddr *)&(a), sizeof(a)

static bool fails(long result, int error) { return result == -1 && errno == error; }

static struct vm at(unsigned cid, unsigned port) { return (struct vm){VSOCK, 0, port, cid, 0, {0}}; }

static struct vm name_of(int fd, bool peer) {
  struct vm name = {0};
  socklen_t len = sizeof name;
  if ((peer ? getpeername : getsockname)(fd, (struct sockaddr *)&name, &len) || len != sizeof name) name.family = 0;
  return name;
}

static int listener(int kind, unsigned port) {
  int fd = socket(VSOCK, kind, 0);
  struct vm any = at(ANY, port);
  IS(bind(fd, ADDRESS(any)) == 0);
  IS(listen(fd, 2) == 0);
  return fd;
}

static int connected(int kind, unsigned port) {
  int fd = socket(VSOCK, kind, 0);
  struct vm to = at(LOCAL, port);
  IS(connect(fd, ADDRESS(to)) == 0);
  return fd;
}

static short events(int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
  poll(&p, 1, 0);
  return p.revents;
}

static void making(void) {
  unsigned cid = 0;
  int device = open("/dev/vsock", O_RDONLY);
  IS(device >= 0 && ioctl(device, 0x7b9, &cid) == 0 && cid == LOCAL);
  IS(fails(ioctl(device, 0x7ba, &cid), ENOTTY));
  close(device);
  IS(fails(socket(VSOCK, SOCK_DGRAM, 0), ENODEV));
  IS(fails(socket(VSOCK, SOCK_RAW, 0), ESOCKTNOSUPPORT));
  IS(fails(socket(VSOCK, SOCK_STREAM, 1), EPROTONOSUPPORT));
  int pair[2];
  IS(fails(socketpair(VSOCK, SOCK_STREAM, 0, pair), EOPNOTSUPP));
  int fd = socket(VSOCK, SOCK_STREAM, VSOCK), other = socket(VSOCK, SOCK_STREAM, 0);
  struct vm own = name_of(fd, false), wrong = at(7, 2000), plain = at(LOCAL, 2000), short_one = at(ANY, 2000), unix_one = {1, 0, 2000, LOCAL, 0, {0}};
  IS(own.cid == (unsigned)ANY && own.port == (unsigned)ANY);
  IS(name_of(fd, true).family == 0 && errno == ENOTCONN);
  IS(fails(bind(fd, ADDRESS(wrong)), EADDRNOTAVAIL));
  IS(fails(bind(fd, (struct sockaddr *)&short_one, 15), EINVAL));
  IS(fails(bind(fd, ADDRESS(unix_one)), EINVAL));
  IS(fails(listen(fd, 1), EINVAL));
  IS(bind(fd, ADDRESS(plain)) == 0);
  IS(fails(bind(fd, ADDRESS(plain)), EINVAL));
  IS(fails(bind(other, ADDRESS(short_one)), EADDRINUSE));
  struct vm free_one = at(ANY, ANY);
  IS(bind(other, ADDRESS(free_one)) == 0 && name_of(other, false).port > 1023);
  IS(fails(shutdown(fd, SHUT_RDWR), ENOTCONN));
  IS(fails(send(fd, "x", 1, 0), ENOTCONN));
  IS(fails(recv(fd, &cid, 1, 0), ENOTCONN));
  IS(fails(accept(fd, 0, 0), EINVAL));
  IS(events(fd) == POLLOUT);
  int count;
  IS(fails(ioctl(fd, FIONREAD, &count), EOPNOTSUPP));
  struct vm nobody = at(LOCAL, 2999), nowhere = at(77, 1);
  IS(fails(connect(other, ADDRESS(nobody)), ECONNRESET));
  IS(fails(connect(other, ADDRESS(nowhere)), ENODEV));
  close(fd), close(other);
}

static void options(void) {
  int fd = socket(VSOCK, SOCK_STREAM, 0);
  unsigned long long size = 0;
  socklen_t len = sizeof size;
  IS(getsockopt(fd, VSOCK, 0, &size, &len) == 0 && size == 262144 && len == 8);
  size = 1 << 20;
  IS(setsockopt(fd, VSOCK, 0, &size, 8) == 0 && getsockopt(fd, VSOCK, 0, &size, &len) == 0 && size == 262144);
  size = 1 << 20;
  IS(setsockopt(fd, VSOCK, 2, &size, 8) == 0 && setsockopt(fd, VSOCK, 0, &size, 8) == 0 && getsockopt(fd, VSOCK, 0, &size, &len) == 0 && size == 1 << 20);
  size = 1;
  IS(setsockopt(fd, VSOCK, 0, &size, 8) == 0 && getsockopt(fd, VSOCK, 0, &size, &len) == 0 && size == 128);
  IS(fails(setsockopt(fd, VSOCK, 0, &size, 4), EINVAL));
  len = 4;
  IS(fails(getsockopt(fd, VSOCK, 0, &size, &len), EINVAL));
  struct timeval time = {0};
  len = sizeof time;
  IS(getsockopt(fd, VSOCK, 6, &time, &len) == 0 && time.tv_sec == 2 && time.tv_usec == 0);
  time = (struct timeval){5, 0};
  IS(setsockopt(fd, VSOCK, 6, &time, sizeof time) == 0 && getsockopt(fd, VSOCK, 6, &time, &len) == 0 && time.tv_sec == 5);
  time.tv_sec = -1;
  IS(fails(setsockopt(fd, VSOCK, 6, &time, sizeof time), ERANGE));
  IS(fails(setsockopt(fd, VSOCK, 99, &size, 8), ENOPROTOOPT));
  IS(fails(setsockopt(fd, 6, 1, &size, 8), ENOPROTOOPT));
  int kind = 0, domain = 0;
  len = sizeof kind;
  IS(getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &len) == 0 && kind == SOCK_STREAM);
  IS(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == VSOCK);
  close(fd);
}

static void streams(void) {
  int l = listener(SOCK_STREAM, 3000), count = -1;
  IS(events(l) == 0);
  int c = connected(SOCK_STREAM, 3000);
  IS(events(l) == POLLIN);
  struct vm from;
  socklen_t len = sizeof from;
  int s = accept(l, (struct sockaddr *)&from, &len);
  IS(s >= 0 && from.cid == LOCAL && from.port == name_of(c, false).port);
  IS(name_of(s, false).port == 3000 && name_of(c, true).port == 3000 && name_of(c, true).cid == LOCAL);
  IS(fails(connect(c, ADDRESS(from)), EISCONN));
  IS(fails(send(c, "x", 1, MSG_OOB), EOPNOTSUPP));
  IS(fails(sendto(c, "x", 1, 0, ADDRESS(from)), EISCONN));
  IS(events(c) == POLLOUT && fails(recv(c, &count, 1, MSG_DONTWAIT), EAGAIN));
  char b[64] = {0};
  IS(write(c, "hello, ", 7) == 7 && send(c, "world", 5, 0) == 5);
  IS(events(s) == (POLLIN | POLLOUT));
  IS(ioctl(s, FIONREAD, &count) == 0 && count == 12 && ioctl(c, TIOCOUTQ, &count) == 0 && count == 0);
  IS(recv(s, b, 5, MSG_PEEK) == 5 && recv(s, b, 5, 0) == 5 && !memcmp(b, "hello", 5));
  IS(recv(s, b, sizeof b, MSG_PEEK) == 7 && read(s, b, sizeof b) == 7 && !memcmp(b, ", world", 7));
  IS(shutdown(c, SHUT_WR) == 0);
  IS(read(s, b, 1) == 0 && events(s) == (POLLIN | POLLOUT | POLLRDHUP));
  IS(name_of(c, true).family == 0 && errno == ENOTCONN);
  IS(fails(send(c, "x", 1, MSG_NOSIGNAL), EPIPE));
  IS(write(s, "back", 4) == 4 && read(c, b, sizeof b) == 4);
  close(s);
  IS(read(c, b, 1) == 0 && (events(c) & POLLHUP));
  close(c);
  // One that is gone before it was accepted; one that has not read everything.
  c = connected(SOCK_STREAM, 3000);
  close(c);
  s = accept(l, 0, 0);
  IS(read(s, b, 1) == 0 && fails(send(s, "x", 1, MSG_NOSIGNAL), EPIPE));
  close(s);
  // Three fit into a line of two.
  int more[4];
  for (int i = 0; i < 3; i++) more[i] = connected(SOCK_STREAM, 3000);
  struct vm to = at(LOCAL, 3000);
  more[3] = socket(VSOCK, SOCK_STREAM, 0);
  IS(fails(connect(more[3], ADDRESS(to)), ECONNRESET));
  close(l);
  IS(read(more[0], b, 1) == 0);
  for (int i = 0; i < 4; i++) close(more[i]);
}

enum { MUCH = 3000000 };

static void *pour(void *argument) {
  int fd = *(int *)argument;
  static unsigned char block[7777];
  for (long sent = 0; sent < MUCH;) {
    for (size_t i = 0; i < sizeof block; i++) block[i] = (unsigned char)((sent + (long)i) % 251);
    long n = MUCH - sent < (long)sizeof block ? MUCH - sent : (long)sizeof block;
    if (write(fd, block, (size_t)n) != n) return (void *)1;
    sent += n;
  }
  shutdown(fd, SHUT_WR);
  return 0;
}

static void much(void) {
  int l = listener(SOCK_STREAM, 3001), c = connected(SOCK_STREAM, 3001), s = accept(l, 0, 0);
  // As much as fits, and no more.
  fcntl(c, F_SETFL, O_NONBLOCK);
  static char block[70000];
  long filled = 0, n;
  while ((n = write(c, block, sizeof block)) > 0) filled += n;
  IS(errno == EAGAIN && filled == 262144 && !(events(c) & POLLOUT));
  for (long left = filled; left > 0; left -= n) n = read(s, block, sizeof block);
  IS(events(c) & POLLOUT);
  fcntl(c, F_SETFL, 0);
  pthread_t writer;
  pthread_create(&writer, 0, pour, &c);
  long came = 0;
  bool right = true;
  static unsigned char some[5000];
  while ((n = read(s, some, sizeof some)) > 0) {
    for (long i = 0; i < n; i++) right &= some[i] == (came + i) % 251;
    came += n;
  }
  void *failed;
  pthread_join(writer, &failed);
  IS(!failed && n == 0 && came == MUCH && right);
  close(l), close(c), close(s);
}

static void messages(void) {
  int l = listener(SOCK_SEQPACKET, 3002), wrong = socket(VSOCK, SOCK_STREAM, 0);
  struct vm to = at(LOCAL, 3002);
  IS(fails(connect(wrong, ADDRESS(to)), ECONNRESET));
  int c = connected(SOCK_SEQPACKET, 3002), s = accept(l, 0, 0);
  static char b[300000];
  IS(send(c, "one", 3, 0) == 3 && send(c, "three", 5, MSG_EOR) == 5 && send(c, b, 100000, 0) == 100000);
  struct iovec part = {b, 2};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  IS(recvmsg(s, &message, 0) == 2 && (message.msg_flags & MSG_TRUNC));
  part.iov_len = 100;
  IS(recvmsg(s, &message, 0) == 5 && (message.msg_flags & (MSG_EOR | MSG_TRUNC)) == MSG_EOR);
  IS(recv(s, b, 10, MSG_TRUNC | MSG_PEEK) == 100000 && recv(s, b, sizeof b, 0) == 100000);
  IS(fails(send(c, b, sizeof b, 0), EMSGSIZE));
  IS(send(c, b, 262144, 0) == 262144 && fails(send(c, b, sizeof b, MSG_DONTWAIT), EAGAIN) && recv(s, b, sizeof b, 0) == 262144);
  IS(fails(recv(s, b, 1, MSG_DONTWAIT), EAGAIN));
  close(c);
  IS(recv(s, b, 1, 0) == 0);
  close(s), close(l), close(wrong);
}

static void without_waiting(void) {
  int l = listener(SOCK_STREAM, 3003), c = socket(VSOCK, SOCK_STREAM | SOCK_NONBLOCK, 0), error = -1;
  struct vm to = at(LOCAL, 3003), nobody = at(LOCAL, 2999);
  IS(fails(connect(c, ADDRESS(to)), EINPROGRESS) && (events(c) & POLLOUT));
  socklen_t len = sizeof error;
  IS(getsockopt(c, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0);
  int d = socket(VSOCK, SOCK_STREAM | SOCK_NONBLOCK, 0);
  IS(fails(connect(d, ADDRESS(nobody)), EINPROGRESS) && (events(d) & POLLERR));
  IS(getsockopt(d, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == ECONNRESET);
  fcntl(l, F_SETFL, O_NONBLOCK);
  int s = accept(l, 0, 0);
  IS(s >= 0 && fails(accept(l, 0, 0), EAGAIN));
  close(l), close(c), close(d), close(s);
}

static long milliseconds(void) {
  return (long)(now_ns(CLOCK_MONOTONIC) / 1000000);
}

static void *close_later(void *fd) {
  usleep(300000);
  close(*(int *)fd);
  return 0;
}

// How long a close takes that was asked to linger for a second or two, when the other side has not read everything; then it is closed too, or not.
static long lingering(int l, int seconds, int bytes, bool ends) {
  int c = connected(SOCK_STREAM, 3004), s = accept(l, 0, 0);
  struct linger how = {1, seconds};
  pthread_t other;
  setsockopt(c, SOL_SOCKET, SO_LINGER, &how, sizeof how);
  if (bytes && write(c, "hello", bytes) != bytes) return -1;
  if (ends) pthread_create(&other, 0, close_later, &s);
  long begin = milliseconds();
  close(c);
  long took = milliseconds() - begin;
  char b[8];
  if (ends) pthread_join(other, 0);
  else if (read(s, b, sizeof b) != bytes || read(s, b, 1) != 0 || !fails(send(s, b, 1, MSG_NOSIGNAL), EPIPE)) took = -1;
  if (!ends) close(s);
  return took;
}

static void lingers(void) {
  int l = listener(SOCK_STREAM, 3004);
  long none = lingering(l, 1, 0, false), much = lingering(l, 1, 5, false), early = lingering(l, 30, 5, true), zero = lingering(l, 0, 5, false);
  IS(none >= 0 && none < 900);
  IS(much >= 950);
  IS(early >= 250 && early < 20000);
  IS(zero >= 0 && zero < 900);
  // Who ends does not linger, and neither does who is not the last to have it.
  int c = connected(SOCK_STREAM, 3004), s = accept(l, 0, 0), again = dup(c);
  struct linger how = {1, 1};
  setsockopt(c, SOL_SOCKET, SO_LINGER, &how, sizeof how);
  IS(write(c, "x", 1) == 1);
  long begin = milliseconds();
  close(c);
  IS(milliseconds() - begin < 900);
  close(s), close(again), close(l);
}

static void inherited(void) {
  int l = listener(SOCK_STREAM, 3005), one = 1, low = 100;
  unsigned long long size = 2000;
  struct timeval time = {7, 0};
  struct linger how = {1, 3};
  setsockopt(l, VSOCK, 0, &size, 8), setsockopt(l, VSOCK, 6, &time, sizeof time);
  setsockopt(l, SOL_SOCKET, SO_LINGER, &how, sizeof how), setsockopt(l, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
  int c = connected(SOCK_STREAM, 3005), s = accept(l, 0, 0);
  socklen_t len = 8;
  size = 0, time.tv_sec = 0;
  IS(getsockopt(s, VSOCK, 0, &size, &len) == 0 && size == 2000);
  len = sizeof time;
  IS(getsockopt(s, VSOCK, 6, &time, &len) == 0 && time.tv_sec == 7);
  len = sizeof how;
  IS(getsockopt(s, SOL_SOCKET, SO_LINGER, &how, &len) == 0 && how.l_onoff == 0);
  len = sizeof one;
  IS(getsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &one, &len) == 0 && one == 0);
  struct ucred who = {7, 7, 7};
  len = sizeof who;
  IS(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && len == 12 && who.pid == 0 && who.uid == (uid_t)-1);
  IS(setsockopt(s, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low) == 0);
  IS(write(c, "x", 1) == 1 && events(s) == POLLOUT);
  static char block[99];
  IS(write(c, block, sizeof block) == sizeof block && events(s) == (POLLIN | POLLOUT));
  close(c), close(s), close(l);
}

int main(void) {
  making();
  options();
  streams();
  much();
  messages();
  without_waiting();
  lingers();
  inherited();
  return done();
}
