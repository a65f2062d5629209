// Netlink as programs use it, on the data of loopback: lists of links and addresses, errors, acknowledgements, getifaddrs, interface requests.
#include "../include/t.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define SAME(what, is, wanted) t_is(what, (is) == (wanted))
#define FAILS(what, call, error) (errno = 0, t_is(what, (call) == -1 && errno == (error)))

static char answer[65536];
static int sequence = 100;

// Sends a request with a body and receives one datagram of the answer.
static ssize_t ask(int fd, int type, int flags, const void *body, size_t length) {
  char bytes[512] = {0};
  struct nlmsghdr *header = (struct nlmsghdr *)bytes;
  header->nlmsg_len = NLMSG_LENGTH(length);
  header->nlmsg_type = type;
  header->nlmsg_flags = NLM_F_REQUEST | flags;
  header->nlmsg_seq = ++sequence;
  memcpy(NLMSG_DATA(header), body, length);
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  if (sendto(fd, bytes, NLMSG_ALIGN(header->nlmsg_len), 0, (struct sockaddr *)&kernel, sizeof kernel) < 0) return -errno;
  return recv(fd, answer, sizeof answer, 0);
}

// With which flags a list is asked for.
static int how = NLM_F_DUMP;

// Reads on until the end of a list; how many messages there were of loopback, and of the right kind.
static int list(int fd, int type, int wanted, const void *body, size_t length, int (*of_loopback)(struct nlmsghdr *)) {
  ssize_t got = ask(fd, type, how, body, length);
  int found = 0, datagrams = 0;
  for (;;) {
    if (got <= 0 || ++datagrams > 1000) return -1;
    size_t left = got;
    for (struct nlmsghdr *one = (struct nlmsghdr *)answer; NLMSG_OK(one, left); one = NLMSG_NEXT(one, left)) {
      if (one->nlmsg_seq != (unsigned)sequence || !(one->nlmsg_flags & NLM_F_MULTI)) return -2;
      if (one->nlmsg_type == NLMSG_DONE) return found;
      if (one->nlmsg_type != wanted) return -3;
      found += of_loopback(one);
    }
    got = recv(fd, answer, sizeof answer, 0);
  }
}

static int link_of_loopback(struct nlmsghdr *one) {
  struct ifinfomsg *info = NLMSG_DATA(one);
  if (info->ifi_index != 1) return 0;
  t_is("link: type and loopback flag", info->ifi_type == 772 && (info->ifi_flags & IFF_LOOPBACK));
  int left = IFLA_PAYLOAD(one), name = 0, mtu = 0, queue = 0, stats = 0, address = 0;
  for (struct rtattr *each = IFLA_RTA(info); RTA_OK(each, left); each = RTA_NEXT(each, left)) {
    if (each->rta_type == IFLA_IFNAME) name = !strcmp(RTA_DATA(each), "lo");
    if (each->rta_type == IFLA_MTU) mtu = *(unsigned *)RTA_DATA(each) == 65536;
    if (each->rta_type == IFLA_TXQLEN) queue = RTA_PAYLOAD(each) == 4;
    if (each->rta_type == IFLA_STATS64) stats = RTA_PAYLOAD(each) >= 184;
    if (each->rta_type == IFLA_ADDRESS) address = RTA_PAYLOAD(each) == 6;
  }
  t_is("link: name, mtu, queue, counters, address", name && mtu && queue && stats && address);
  return 1;
}

static int address_of_loopback(struct nlmsghdr *one) {
  struct ifaddrmsg *info = NLMSG_DATA(one);
  if (info->ifa_index != 1 || info->ifa_family != AF_INET) return 0;
  int left = IFA_PAYLOAD(one), local = 0, label = 0;
  for (struct rtattr *each = IFA_RTA(info); RTA_OK(each, left); each = RTA_NEXT(each, left)) {
    if (each->rta_type == IFA_LOCAL) local = *(unsigned *)RTA_DATA(each) == htonl(INADDR_LOOPBACK);
    if (each->rta_type == IFA_LABEL) label = !strcmp(RTA_DATA(each), "lo");
  }
  t_is("address: 127.0.0.1/8 of the host, for ever", local && label && info->ifa_prefixlen == 8 && info->ifa_scope == RT_SCOPE_HOST);
  return local;
}

static int route_of_loopback(struct nlmsghdr *one) {
  struct rtmsg *info = NLMSG_DATA(one);
  if (info->rtm_family != AF_INET || info->rtm_table != RT_TABLE_LOCAL || info->rtm_type != RTN_LOCAL || info->rtm_dst_len != 8) return 0;
  t_is("route: made by the kernel, on the host", info->rtm_protocol == RTPROT_KERNEL && info->rtm_scope == RT_SCOPE_HOST);
  return 1;
}

static int any(struct nlmsghdr *one) {
  (void)one;
  return 0;
}

static int rule(struct nlmsghdr *one) {
  struct rtmsg *info = NLMSG_DATA(one);
  return info->rtm_family == AF_INET && (info->rtm_table == RT_TABLE_LOCAL || info->rtm_table == RT_TABLE_MAIN);
}

static int error_of(ssize_t got) {
  struct nlmsghdr *header = (struct nlmsghdr *)answer;
  if (got < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) || header->nlmsg_type != NLMSG_ERROR) return 1;
  struct nlmsgerr *error = NLMSG_DATA(header);
  t_is("an error says which message it is about", error->msg.nlmsg_seq == (unsigned)sequence && header->nlmsg_seq == (unsigned)sequence);
  return error->error;
}

static void lists(int fd) {
  struct ifinfomsg links = {0};
  SAME("links of loopback", list(fd, RTM_GETLINK, RTM_NEWLINK, &links, sizeof links, link_of_loopback), 1);
  struct ifaddrmsg addresses = {0};
  SAME("addresses of loopback", list(fd, RTM_GETADDR, RTM_NEWADDR, &addresses, sizeof addresses, address_of_loopback), 1);
  struct rtmsg routes = {.rtm_family = AF_INET};
  SAME("routes to loopback's network", list(fd, RTM_GETROUTE, RTM_NEWROUTE, &routes, sizeof routes, route_of_loopback), 1);
  struct rtmsg rules = {.rtm_family = AF_INET};
  t_is("rules", list(fd, RTM_GETRULE, RTM_NEWRULE, &rules, sizeof rules, rule) >= 2);
  struct ndmsg neighbours = {0};
  SAME("neighbours, with an end", list(fd, RTM_GETNEIGH, RTM_NEWNEIGH, &neighbours, sizeof neighbours, any), 0);
}

static void errors(int fd) {
  struct ifinfomsg link = {.ifi_index = 1};
  ssize_t got = ask(fd, RTM_GETLINK, 0, &link, sizeof link);
  struct nlmsghdr *header = (struct nlmsghdr *)answer;
  t_is("one link, not of a list", got > 0 && header->nlmsg_type == RTM_NEWLINK && !(header->nlmsg_flags & NLM_F_MULTI));
  link.ifi_index = 12345678;
  SAME("no such link", error_of(ask(fd, RTM_GETLINK, 0, &link, sizeof link)), -ENODEV);
  struct ifaddrmsg addresses = {.ifa_family = AF_INET};
  SAME("addresses are a list", error_of(ask(fd, RTM_GETADDR, 0, &addresses, sizeof addresses)), -EOPNOTSUPP);
  struct ndmsg nobody = {.ndm_family = AF_INET};
  SAME("a neighbour has an address", error_of(ask(fd, RTM_GETNEIGH, 0, &nobody, sizeof nobody)), -EINVAL);
  struct rtmsg rules = {.rtm_family = AF_INET};
  SAME("rules are a list", error_of(ask(fd, RTM_GETRULE, 0, &rules, sizeof rules)), -EOPNOTSUPP);
  SAME("no such message", error_of(ask(fd, 4000, 0, &link, sizeof link)), -EOPNOTSUPP);
  SAME("a control message is acknowledged", error_of(ask(fd, NLMSG_NOOP, NLM_F_ACK, &link, 0)), 0);
  struct rtmsg route = {.rtm_family = AF_INET, .rtm_dst_len = 32};
  char bytes[sizeof route + 8];
  memcpy(bytes, &route, sizeof route);
  struct rtattr *destination = (struct rtattr *)(bytes + sizeof route);
  *destination = (struct rtattr){.rta_len = 8, .rta_type = RTA_DST};
  unsigned own = htonl(INADDR_LOOPBACK);
  memcpy(RTA_DATA(destination), &own, 4);
  got = ask(fd, RTM_GETROUTE, 0, bytes, sizeof bytes);
  struct rtmsg *way = NLMSG_DATA(header);
  t_is("the way to the host itself", got > 0 && header->nlmsg_type == RTM_NEWROUTE && way->rtm_type == RTN_LOCAL);
}

static void sockets(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  struct sockaddr_nl own = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
  SAME("bind", bind(fd, (struct sockaddr *)&own, sizeof own), 0);
  socklen_t room = sizeof own;
  t_is("an address of its own", !getsockname(fd, (struct sockaddr *)&own, &room) && room == sizeof own && own.nl_pid && own.nl_groups == RTMGRP_LINK);
  struct sockaddr_nl same = {.nl_family = AF_NETLINK, .nl_pid = own.nl_pid};
  int other = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE);
  FAILS("a port is one socket's", bind(other, (struct sockaddr *)&same, sizeof same), EADDRINUSE);
  int on = 1, group = RTNLGRP_LINK;
  SAME("membership", setsockopt(other, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group), 0);
  SAME("strict", setsockopt(other, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on), 0);
  FAILS("nothing waits", recv(fd, answer, 100, MSG_DONTWAIT), EAGAIN);
  FAILS("no such protocol", socket(AF_NETLINK, SOCK_RAW, 31), EPROTONOSUPPORT);
  FAILS("no streams", socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE), ESOCKTNOSUPPORT);
  close(fd);
  close(other);
  int events = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT);
  struct sockaddr_nl all = {.nl_family = AF_NETLINK, .nl_groups = 1};
  SAME("events of devices", bind(events, (struct sockaddr *)&all, sizeof all), 0);
  close(events);
}

static void cut(int fd) {
  struct ifinfomsg link = {.ifi_index = 1};
  struct iovec none = {0};
  struct msghdr message = {.msg_iov = &none, .msg_iovlen = 1};
  char bytes[sizeof(struct nlmsghdr) + sizeof link] = {0};
  struct nlmsghdr *header = (struct nlmsghdr *)bytes;
  *header = (struct nlmsghdr){.nlmsg_len = sizeof bytes, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST, .nlmsg_seq = ++sequence};
  memcpy(NLMSG_DATA(header), &link, sizeof link);
  SAME("send", send(fd, bytes, sizeof bytes, 0), (long)sizeof bytes);
  ssize_t whole = recvmsg(fd, &message, MSG_PEEK | MSG_TRUNC);
  t_is("how long it is", whole > 100 && (message.msg_flags & MSG_TRUNC));
  SAME("it is still there", recv(fd, answer, sizeof answer, 0), whole);
}

static void names(void) {
  struct ifaddrs *all, *each;
  int link = 0, four = 0;
  SAME("getifaddrs", getifaddrs(&all), 0);
  for (each = all; each; each = each->ifa_next) {
    if (strcmp(each->ifa_name, "lo") || !each->ifa_addr) continue;
    link += each->ifa_addr->sa_family == AF_PACKET;
    if (each->ifa_addr->sa_family == AF_INET)
      four += ((struct sockaddr_in *)each->ifa_netmask)->sin_addr.s_addr == htonl(0xff000000);
  }
  freeifaddrs(all);
  t_is("loopback's link and address", link == 1 && four == 1);
  SAME("if_nametoindex", if_nametoindex("lo"), 1);
  char name[IF_NAMESIZE];
  t_is("if_indextoname", if_indextoname(1, name) && !strcmp(name, "lo"));
  t_is("if_nametoindex of nothing", if_nametoindex("nothing") == 0 && errno == ENODEV);
}

static void requests(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq request = {.ifr_name = "lo"};
  t_is("flags", !ioctl(fd, SIOCGIFFLAGS, &request) && (request.ifr_flags & IFF_LOOPBACK));
  t_is("mtu", !ioctl(fd, SIOCGIFMTU, &request) && request.ifr_mtu == 65536);
  t_is("hardware", !ioctl(fd, SIOCGIFHWADDR, &request) && request.ifr_hwaddr.sa_family == 772);
  t_is("queue", !ioctl(fd, SIOCGIFTXQLEN, &request));
  t_is("metric", !ioctl(fd, SIOCGIFMETRIC, &request) && request.ifr_metric == 0);
  struct sockaddr_in *ip = (struct sockaddr_in *)&request.ifr_addr;
  t_is("address", !ioctl(fd, SIOCGIFADDR, &request) && ip->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
  t_is("mask", !ioctl(fd, SIOCGIFNETMASK, &request) && ip->sin_addr.s_addr == htonl(0xff000000));
  struct ifreq many[64];
  struct ifconf list = {.ifc_len = sizeof many, .ifc_req = many};
  int found = 0;
  SAME("SIOCGIFCONF", ioctl(fd, SIOCGIFCONF, &list), 0);
  for (int i = 0; i < list.ifc_len / (int)sizeof *many; i++) found += !strcmp(many[i].ifr_name, "lo");
  SAME("loopback once", found, 1);
  strcpy(request.ifr_name, "nothing");
  FAILS("no such interface", ioctl(fd, SIOCGIFFLAGS, &request), ENODEV);
  close(fd);
}

int main(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  t_is("socket", fd >= 0);
  // Either half of the flag asks for a list.
  for (int i = 0; i < 3; i++) {
    how = (int[]){NLM_F_DUMP, NLM_F_ROOT, NLM_F_MATCH}[i];
    lists(fd);
  }
  errors(fd);
  cut(fd);
  sockets();
  names();
  requests();
  return done();
}
