// Descriptors and credentials passed through local sockets: in streams they stop a read, what has no room is cut, credentials are checked.
#include "../include/t.h"
#include <sys/socket.h>

static char control[256];
static struct iovec v;
static struct msghdr m;

static long pass(int s, const char *text, const int *fds, int count) {
  v = (struct iovec){(void *)text, strlen(text)};
  m = (struct msghdr){.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(count * sizeof(int))};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(count * sizeof(int));
  memcpy(CMSG_DATA(c), fds, count * sizeof(int));
  return sendmsg(s, &m, 0);
}

static long take(int s, size_t len, size_t room, int *fds) {
  static char b[100];
  memset(b, 0, sizeof b);
  memset(control, 0, sizeof control);
  v = (struct iovec){b, len};
  m = (struct msghdr){.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
  long n = recvmsg(s, &m, 0);
  int got = 0;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
    SAY("type %d len %d", c->cmsg_type, (int)c->cmsg_len);
    if (c->cmsg_type == SCM_RIGHTS) {
      got = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
      memcpy(fds, CMSG_DATA(c), got * sizeof(int));
    }
  }
  SAY("'%s' flags %x control %d files %d", b, m.msg_flags, (int)m.msg_controllen, got);
  return n;
}

int main(void) {
  int s[2], fds[8] = {0}, p[2];
  T(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
  T(pipe(p));
  T(write(s[0], "before", 6));
  T(pass(s[0], "with", p, 2));
  T(write(s[0], "after", 5));
  T(take(s[1], 99, 256, fds));
  T(take(s[1], 99, 256, fds));
  IS(fds[0] != p[0] && fds[1] != p[1]);
  T(write(fds[1], "through", 7));
  char b[10];
  T(read(p[0], b, 10));
  T(pass(s[0], "cut", p, 2));
  T(take(s[1], 99, CMSG_LEN(sizeof(int)), fds));
  T(pass(s[0], "none", p, 2));
  T(take(s[1], 99, 0, fds));
  T(pass(s[0], "read", p, 1));
  T(read(s[1], b, 10));
  int bad = 99;
  T(pass(s[0], "bad", &bad, 1));
  T(close(p[1]));
  int d[2];
  T(socketpair(AF_UNIX, SOCK_DGRAM, 0, d));
  T(setsockopt(d[1], SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)));
  T(pass(d[0], "both", p, 1));
  T(take(d[1], 99, 256, fds));
  struct ucred *u = (struct ucred *)CMSG_DATA(CMSG_FIRSTHDR(&m));
  IS(u->pid == getpid() && u->uid == getuid());
  v = (struct iovec){"liar", 4};
  struct ucred lie = {getpid(), getuid(), getgid()};
  m = (struct msghdr){.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof lie)};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_CREDENTIALS, c->cmsg_len = CMSG_LEN(sizeof lie);
  memcpy(CMSG_DATA(c), &lie, sizeof lie);
  T(sendmsg(d[0], &m, 0));
  c->cmsg_type = 77;
  T(sendmsg(d[0], &m, 0));
  c->cmsg_type = SCM_RIGHTS, c->cmsg_len = 9999;
  T(sendmsg(d[0], &m, 0));
  struct mmsghdr many[3] = {0};
  struct iovec pieces[3] = {{"a", 1}, {"bb", 2}, {"ccc", 3}};
  for (int i = 0; i < 3; i++) many[i].msg_hdr = (struct msghdr){.msg_iov = &pieces[i], .msg_iovlen = 1};
  T(take(d[1], 99, 256, fds));
  T(sendmmsg(d[0], many, 3, 0));
  T(recvmmsg(d[1], many, 3, MSG_DONTWAIT, 0));
  T(many[2].msg_len);
  return done();
}
