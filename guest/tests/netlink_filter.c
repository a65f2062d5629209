// Filters on netlink sockets: what they let through, how much of it, and that they go and may be locked.
#include "../include/t.h"
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

static int fd;

// Asks for the interface of a number.
static void ask(int index) {
  struct {
    struct nlmsghdr header;
    struct ifinfomsg about;
  } request = {{sizeof request, RTM_GETLINK, NLM_F_REQUEST, 1, 0}, {.ifi_index = index}};
  IS(send(fd, &request, sizeof request, 0) == sizeof request);
}

static void hear(void) {
  static char bytes[8192];
  long count = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
  struct nlmsghdr *header = (struct nlmsghdr *)bytes;
  if (count < 0) SAY("%s", t_error(errno));
  else if (count < 16) SAY("%ld bytes", count);
  else SAY("kind %d%s", header->nlmsg_type, count < header->nlmsg_len ? ", cut" : "");
}

static void attach(struct sock_filter *code, int len) {
  struct sock_fprog program = {len, code};
  T(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
}

int main(void) {
  struct sock_filter nothing[] = {{BPF_RET | BPF_K, 0, 0, 0}}, little[] = {{BPF_RET | BPF_K, 0, 0, 12}}, some[] = {{BPF_RET | BPF_K, 0, 0, 24}};
  // Only messages that say what went wrong: the kind as bytes in this order.
  struct sock_filter errors[] = {
    {BPF_LD | BPF_H | BPF_ABS, 0, 0, 4}, {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0x0200}, {BPF_RET | BPF_K, 0, 0, 0xffff}, {BPF_RET | BPF_K, 0, 0, 0}};
  int one = 1, none = 0;
  fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  ask(1);
  hear();
  attach(nothing, 1);
  ask(1);
  hear();
  attach(little, 1);
  ask(1);
  hear();
  attach(some, 1);
  ask(1);
  hear();
  attach(errors, 4);
  ask(1);
  ask(99999);
  hear();
  hear();
  T(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none));
  T(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none));
  ask(1);
  hear();
  attach(nothing, 1);
  T(setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof one));
  T(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none));
  attach(some, 1);
  ask(1);
  hear();
  return done();
}
