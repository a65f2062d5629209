// What comes along with datagrams: times, lost datagrams, looks from an offset, filters, errors in a queue of their own, and calls for many at once.
#include "../include/t.h"
#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

static int on = 1;

// Two sockets of a family that are connected to each other.
static void pair(int family, int type, int s[2]) {
  if (family == AF_UNIX) { socketpair(AF_UNIX, type, 0, s); return; }
  struct sockaddr_storage where[2];
  for (int i = 0; i < 2; i++) {
    memset(&where[i], 0, sizeof where[i]);
    where[i].ss_family = family;
    if (family == AF_INET) ((struct sockaddr_in *)&where[i])->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else ((struct sockaddr_in6 *)&where[i])->sin6_addr = in6addr_loopback;
    socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    s[i] = socket(family, type, 0);
    if (bind(s[i], (struct sockaddr *)&where[i], len) || getsockname(s[i], (struct sockaddr *)&where[i], &len)) SAY("no socket");
  }
  for (int i = 0; i < 2; i++) connect(s[i], (struct sockaddr *)&where[!i], family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
}

static void get(int fd, int room, int flags) {
  char buffer[64] = "";
  char control[512];
  struct iovec piece = {buffer, room};
  struct msghdr header = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t count = recvmsg(fd, &header, flags | MSG_DONTWAIT);
  if (count < 0) { SAY("  get: %s", t_error(errno)); return; }
  SAY("  get: %zd \"%.*s\" flags %x", count, (int)(count < room ? count : room), buffer, header.msg_flags & ~MSG_CMSG_CLOEXEC);
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
    printf("    level %d type %d length %zu", c->cmsg_level, c->cmsg_type, c->cmsg_len - CMSG_LEN(0));
    if (c->cmsg_level == SOL_SOCKET && (c->cmsg_type == SCM_TIMESTAMP || c->cmsg_type == SCM_TIMESTAMPNS || c->cmsg_type == SCM_TIMESTAMPING)) {
      struct timespec then, now;
      memcpy(&then, CMSG_DATA(c), sizeof then);
      if (c->cmsg_type == SCM_TIMESTAMP) then.tv_nsec *= 1000;
      clock_gettime(CLOCK_REALTIME, &now);
      double age = (now.tv_sec - then.tv_sec) + (now.tv_nsec - then.tv_nsec) / 1e9;
      printf(" %s", age >= -0.001 && age < 30 ? "now" : "not now");
    } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
      int lost;
      memcpy(&lost, CMSG_DATA(c), sizeof lost);
      printf(" %s", lost > 0 ? "lost" : "nothing lost");
    } else if ((c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) || (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
      struct sock_extended_err e;
      memcpy(&e, CMSG_DATA(c), sizeof e);
      printf(" errno %d origin %d type %d code %d info %u data %u", e.ee_errno, e.ee_origin, e.ee_type, e.ee_code, e.ee_info, e.ee_data);
      sa_family_t family;
      memcpy(&family, CMSG_DATA(c) + sizeof e, sizeof family);
      printf(" family %d", family);
    }
    printf("\n");
  }
}

static int revents(int fd) {
  struct pollfd p = {fd, POLLIN | POLLPRI | POLLOUT, 0};
  poll(&p, 1, 0);
  return p.revents;
}

static void times(const char *what, int family, int type) {
  int s[2], all = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
  SAY("times: %s", what);
  pair(family, type, s);
  setsockopt(s[1], SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on);
  send(s[0], "a", 1, 0);
  get(s[1], 9, 0);
  setsockopt(s[1], SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  send(s[0], "b", 1, 0);
  get(s[1], 9, MSG_PEEK);
  get(s[1], 9, 0);
  int off = 0;
  setsockopt(s[1], SOL_SOCKET, SO_TIMESTAMPNS, &off, sizeof off);
  if (family != AF_UNIX) {
    setsockopt(s[1], SOL_SOCKET, SO_TIMESTAMPING, &all, sizeof all);
    send(s[0], "c", 1, 0);
    get(s[1], 9, 0);
    setsockopt(s[1], SOL_SOCKET, SO_TIMESTAMPING, &off, sizeof off);
  }
  send(s[0], "d", 1, 0);
  get(s[1], 9, 0);
  close(s[0]), close(s[1]);
}

static void offsets(const char *what, int family, int type) {
  int s[2], offset = 0;
  socklen_t len = sizeof offset;
  SAY("looks from an offset: %s", what);
  pair(family, type, s);
  T(setsockopt(s[1], SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset));
  send(s[0], "abcdef", 6, 0);
  send(s[0], "ghij", 4, 0);
  for (int i = 0; i < 5; i++) {
    get(s[1], 3, MSG_PEEK);
    getsockopt(s[1], SOL_SOCKET, SO_PEEK_OFF, &offset, &len);
    SAY("  offset %d", offset);
  }
  get(s[1], 4, 0);
  getsockopt(s[1], SOL_SOCKET, SO_PEEK_OFF, &offset, &len);
  SAY("  offset %d", offset);
  get(s[1], 3, MSG_PEEK);
  offset = 1;
  setsockopt(s[1], SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset);
  get(s[1], 3, MSG_PEEK);
  get(s[1], 60, 0);
  getsockopt(s[1], SOL_SOCKET, SO_PEEK_OFF, &offset, &len);
  SAY("  offset %d", offset);
  offset = -1;
  setsockopt(s[1], SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset);
  get(s[1], 60, MSG_PEEK);
  get(s[1], 60, 0);
  close(s[0]), close(s[1]);
}

// Linux begins to note times a moment after the first socket asks, and goes on while one does: the socket that keeps it noting.
static void note_times(void) {
  int s[2], all = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
  pair(AF_INET, SOCK_DGRAM, s);
  setsockopt(s[1], SOL_SOCKET, SO_TIMESTAMPING, &all, sizeof all);
  for (int i = 0; i < 1000; i++) {
    char byte, control[128];
    struct iovec piece = {&byte, 1};
    struct msghdr header = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    send(s[0], "x", 1, 0);
    if (recvmsg(s[1], &header, 0) == 1 && CMSG_FIRSTHDR(&header)) return;
    usleep(1000);
  }
}

int main(void) {
  int s[2], family;
  note_times();
  times("udp", AF_INET, SOCK_DGRAM);
  times("udp6", AF_INET6, SOCK_DGRAM);
  times("local", AF_UNIX, SOCK_DGRAM);
  offsets("udp", AF_INET, SOCK_DGRAM);
  offsets("local datagrams", AF_UNIX, SOCK_DGRAM);
  offsets("local sequence", AF_UNIX, SOCK_SEQPACKET);
  offsets("local stream", AF_UNIX, SOCK_STREAM);

  for (family = AF_INET; family <= AF_INET6; family += AF_INET6 - AF_INET) {
    SAY("lost datagrams, %d", family);
    pair(family, SOCK_DGRAM, s);
    int small = 1;
    static char block[1000];
    T(setsockopt(s[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof small));
    T(setsockopt(s[1], SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on));
    send(s[0], "first", 5, 0);
    get(s[1], 9, 0);
    for (int i = 0; i < 20; i++) send(s[0], block, sizeof block, 0);
    get(s[1], 0, 0);
    while (recv(s[1], block, sizeof block, MSG_DONTWAIT) >= 0) {}
    send(s[0], "last", 4, 0);
    get(s[1], 9, 0);
    close(s[0]), close(s[1]);

    SAY("errors in a queue, %d", family);
    pair(family, SOCK_DGRAM, s);
    T(setsockopt(s[0], family == AF_INET ? SOL_IP : SOL_IPV6, family == AF_INET ? IP_RECVERR : IPV6_RECVERR, &on, sizeof on));
    close(s[1]);
    T(send(s[0], "nobody", 6, 0));
    SAY("%x", revents(s[0]));
    T(setsockopt(s[0], SOL_SOCKET, SO_SELECT_ERR_QUEUE, &on, sizeof on));
    SAY("%x", revents(s[0]));
    get(s[0], 4, MSG_ERRQUEUE);
    SAY("%x", revents(s[0]));
    get(s[0], 4, MSG_ERRQUEUE);
    get(s[0], 4, 0);
    T(send(s[0], "again", 5, 0));
    T(send(s[0], "again", 5, 0));
    get(s[0], 9, MSG_ERRQUEUE | MSG_TRUNC);
    static char large[70000];
    T(send(s[0], large, 65508, 0));
    get(s[0], 9, MSG_ERRQUEUE);
    close(s[0]);
  }

  SAY("a filter");
  pair(AF_INET, SOCK_DGRAM, s);
  struct sock_filter code[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 1), BPF_STMT(BPF_RET | BPF_K, 10), BPF_STMT(BPF_RET | BPF_K, 0),
  };
  struct sock_fprog program = {4, code}, empty = {0, code};
  T(setsockopt(s[1], SOL_SOCKET, SO_ATTACH_FILTER, &empty, sizeof empty));
  T(setsockopt(s[1], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
  send(s[0], "no", 2, 0);
  send(s[0], "yes", 3, 0);
  get(s[1], 9, 0);
  get(s[1], 9, 0);
  T(setsockopt(s[1], SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof on));
  T(setsockopt(s[1], SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof on));
  send(s[0], "no", 2, 0);
  get(s[1], 9, 0);
  T(setsockopt(s[1], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
  T(setsockopt(s[1], SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on));
  T(setsockopt(s[1], SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof on));
  T(setsockopt(s[1], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
  close(s[0]), close(s[1]);

  SAY("a filter of local messages");
  pair(AF_UNIX, SOCK_DGRAM, s);
  code[0].k = 0;
  T(setsockopt(s[1], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
  T(send(s[0], "no", 2, 0));
  T(send(s[0], "yes", 3, 0));
  get(s[1], 9, 0);
  get(s[1], 9, 0);
  close(s[0]), close(s[1]);

  SAY("longer than asked for");
  for (int i = 0; i < 3; i++) {
    pair(i ? AF_UNIX : AF_INET, i == 2 ? SOCK_SEQPACKET : SOCK_DGRAM, s);
    send(s[0], "abcdef", 6, 0);
    get(s[1], 3, MSG_PEEK);
    get(s[1], 3, MSG_PEEK | MSG_TRUNC);
    get(s[1], 0, MSG_PEEK | MSG_TRUNC);
    get(s[1], 0, MSG_PEEK);
    get(s[1], 3, MSG_TRUNC);
    get(s[1], 3, 0);
    close(s[0]), close(s[1]);
  }

  SAY("many at once");
  pair(AF_INET, SOCK_DGRAM, s);
  char words[4][8] = {"one", "two", "three", "four"}, rooms[4][8];
  struct iovec pieces[4], places[4];
  struct mmsghdr out[4], in[4];
  memset(out, 0, sizeof out);
  memset(in, 0, sizeof in);
  for (int i = 0; i < 4; i++) {
    pieces[i] = (struct iovec){words[i], strlen(words[i])};
    places[i] = (struct iovec){rooms[i], sizeof rooms[i]};
    out[i].msg_hdr = (struct msghdr){.msg_iov = &pieces[i], .msg_iovlen = 1};
    in[i].msg_hdr = (struct msghdr){.msg_iov = &places[i], .msg_iovlen = 1};
  }
  T(sendmmsg(s[0], out, 4, 0));
  T(recvmmsg(s[1], in, 3, 0, 0));
  SAY("%u %u %u", in[0].msg_len, in[1].msg_len, in[2].msg_len);
  struct timespec wait = {0, 100000000};
  T(sendmmsg(s[0], out, 1, 0));
  T(recvmmsg(s[1], in, 4, MSG_WAITFORONE, &wait));
  SAY("%u %u", in[0].msg_len, in[1].msg_len);
  IS(wait.tv_sec == 0 && wait.tv_nsec <= 100000000 && wait.tv_nsec > 0);
  T(recvmmsg(s[1], in, 4, MSG_DONTWAIT, &wait));
  wait = (struct timespec){0, 2000000000};
  T(recvmmsg(s[1], in, 4, MSG_DONTWAIT, &wait));
  pieces[2].iov_base = (void *)8;
  T(sendmmsg(s[0], out, 4, 0));
  T(recvmmsg(s[1], in, 4, MSG_DONTWAIT, 0));
  T(sendmmsg(s[0], out + 2, 2, 0));
  T(sendmmsg(s[0], out, 0, 0));
  T(recvmmsg(s[1], in, 0, 0, 0));
  places[1].iov_base = (void *)8;
  pieces[2].iov_base = words[2];
  T(sendmmsg(s[0], out, 3, 0));
  T(recvmmsg(s[1], in, 3, MSG_DONTWAIT, 0));
  T(recvmmsg(s[1], in, 1, MSG_DONTWAIT, 0));
  close(s[0]), close(s[1]);
  return done();
}
