// Waits until the first card's link has gone and come back, as netlink tells it (somebody outside switches it), and looks at its flags then.
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int flags(void) {
  struct ifreq request = {.ifr_name = "eth0"};
  int fd = socket(AF_INET, SOCK_DGRAM, 0), bad = ioctl(fd, SIOCGIFFLAGS, &request);
  close(fd);
  return bad ? -1 : request.ifr_flags;
}

// Waits for news of eth0 with the link there or not.
static int news(int fd, int there) {
  static char bytes[16384];
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  while (poll(&wait, 1, 20000) == 1) {
    size_t left = recv(fd, bytes, sizeof bytes, 0);
    for (struct nlmsghdr *one = (struct nlmsghdr *)bytes; NLMSG_OK(one, left); one = NLMSG_NEXT(one, left)) {
      struct ifinfomsg *info = NLMSG_DATA(one);
      if (one->nlmsg_type == RTM_NEWLINK && info->ifi_index == 2 && !!(info->ifi_flags & IFF_RUNNING) == there) return 1;
    }
  }
  return 0;
}

int main(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  struct sockaddr_nl groups = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
  if (fd < 0 || bind(fd, (struct sockaddr *)&groups, sizeof groups)) return perror("netlink"), 1;
  if (!news(fd, 0)) return puts("the link stays"), 1;
  if (!(flags() & IFF_UP)) return puts("the interface is off"), 1;
  if (!news(fd, 1)) return puts("the link does not come back"), 1;
  puts("the link went and came");
  return 0;
}
