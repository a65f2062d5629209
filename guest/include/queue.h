// The queue of errors of a socket, for tests of what it is told there.
#ifndef QUEUE_H
#define QUEUE_H
#include "t.h"
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

// Says what is in it.
static inline void told(int s) {
  for (;;) {
    char control[512], bytes[2048];
    struct iovec piece = {bytes, sizeof bytes};
    struct sockaddr_in6 name;
    struct msghdr message = {.msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    long count = recvmsg(s, &message, MSG_ERRQUEUE);
    if (count < 0) {
      SAY("queue: %s", t_error(errno));
      return;
    }
    SAY("queue: %ld bytes, the last %.1s, flags %#x, a name of %u bytes", count, count ? bytes + count - 1 : "-", message.msg_flags, message.msg_namelen);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level == SOL_SOCKET) {
        struct timespec *t = (void *)CMSG_DATA(c);
        SAY("  kind %d, %zu bytes, now: %d, %ld, %ld", c->cmsg_type, c->cmsg_len, labs(t->tv_sec - time(0)) < 10, t[1].tv_sec, t[2].tv_sec);
      } else {
        struct sock_extended_err *e = (void *)CMSG_DATA(c);
        SAY("  level %d, kind %d, %zu bytes: errno %u, origin %u, type %u, code %u, info %u, data %u", c->cmsg_level, c->cmsg_type, c->cmsg_len, e->ee_errno, e->ee_origin, e->ee_type, e->ee_code, e->ee_info, e->ee_data);
      }
    }
  }
}
#endif
