// Names of addresses with a colon, as ifconfig gives them, and addresses of loopback beside its own.
#include "../include/inet.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

static int fd;

static struct ifreq request(const char *name, const char *ip) {
  struct ifreq request = {0};
  struct sockaddr_in *where = (struct sockaddr_in *)&request.ifr_addr;
  strcpy(request.ifr_name, name);
  if (ip) *where = at(ip, 0);
  return request;
}

static void tell(const char *name) {
  struct ifreq got = request(name, NULL);
  struct sockaddr_in *where = (struct sockaddr_in *)&got.ifr_addr;
  where->sin_family = 0;
  char ip[INET_ADDRSTRLEN] = "", mask[INET_ADDRSTRLEN] = "";
  if (ioctl(fd, SIOCGIFADDR, &got)) {
    SAY("%s: %s", name, t_error(errno));
    return;
  }
  inet_ntop(AF_INET, &where->sin_addr, ip, sizeof ip);
  where->sin_family = 0;
  ioctl(fd, SIOCGIFNETMASK, &got);
  inet_ntop(AF_INET, &where->sin_addr, mask, sizeof mask);
  SAY("%s has %s of %s", got.ifr_name, ip, mask);
}

static int set(unsigned long what, const char *name, const char *ip) {
  struct ifreq wanted = request(name, ip);
  return ioctl(fd, what, &wanted);
}

static int flags(const char *name, int flags) {
  struct ifreq wanted = request(name, NULL);
  wanted.ifr_flags = flags;
  return ioctl(fd, SIOCSIFFLAGS, &wanted);
}

static int order(const void *a, const void *b) {
  return strcmp(((const struct ifreq *)a)->ifr_name, ((const struct ifreq *)b)->ifr_name);
}

static void all(void) {
  struct ifreq each[16];
  struct ifconf list = {.ifc_len = sizeof each, .ifc_req = each};
  if (ioctl(fd, SIOCGIFCONF, &list)) return;
  qsort(each, list.ifc_len / sizeof *each, sizeof *each, order);
  for (unsigned i = 0; i < list.ifc_len / sizeof *each; i++)
    if (!strncmp(each[i].ifr_name, "lo", 2)) SAY("%s %s", each[i].ifr_name, inet_ntoa(((struct sockaddr_in *)&each[i].ifr_addr)->sin_addr));
}

// Changes an address over netlink; what the answer says.
static int change(int type, const char *ip, int prefix, const char *label) {
  struct {
    struct nlmsghdr header;
    struct ifaddrmsg body;
    char attributes[64];
  } ask = {{sizeof ask.header + sizeof ask.body, type, NLM_F_REQUEST | NLM_F_ACK | (type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0), 1, 0}, {AF_INET, prefix, 0, 0, 1}, {0}};
  struct rtattr *own = (struct rtattr *)ask.attributes, *name = (struct rtattr *)(ask.attributes + RTA_SPACE(4));
  *own = (struct rtattr){RTA_LENGTH(4), IFA_LOCAL};
  inet_pton(AF_INET, ip, RTA_DATA(own));
  ask.header.nlmsg_len += RTA_SPACE(4);
  if (label) {
    *name = (struct rtattr){RTA_LENGTH(strlen(label) + 1), IFA_LABEL};
    strcpy(RTA_DATA(name), label);
    ask.header.nlmsg_len += RTA_SPACE(strlen(label) + 1);
  }
  char answer[1024];
  int way = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  send(way, &ask, ask.header.nlmsg_len, 0);
  ssize_t got = recv(way, answer, sizeof answer, 0);
  close(way);
  struct nlmsghdr *header = (struct nlmsghdr *)answer;
  return got > 0 && header->nlmsg_type == NLMSG_ERROR ? ((struct nlmsgerr *)NLMSG_DATA(header))->error : 1;
}

// Whether somebody can listen at an address, and be reached there.
static void reach(const char *ip) {
  struct sockaddr_in where = at(ip, 4711);
  int server = socket(AF_INET, SOCK_DGRAM, 0), client = socket(AF_INET, SOCK_DGRAM, 0);
  T(bind(server, (struct sockaddr *)&where, sizeof where));
  T(sendto(client, "there", 5, 0, (struct sockaddr *)&where, sizeof where));
  char buffer[16];
  T(recv(server, buffer, sizeof buffer, MSG_DONTWAIT));
  close(server);
  close(client);
}

int main(void) {
  own_network();
  fd = socket(AF_INET, SOCK_DGRAM, 0);
  tell("lo");
  tell("lo:1");
  T(set(SIOCSIFNETMASK, "lo:1", "255.0.0.0"));
  T(flags("lo:1", IFF_UP));
  T(set(SIOCSIFADDR, "lo:1", "127.0.0.5"));
  T(flags("lo:1", IFF_UP));
  tell("lo");
  tell("lo:1");
  tell("lo:2");
  T(set(SIOCSIFADDR, "lo:1", "127.0.0.5"));
  T(set(SIOCSIFNETMASK, "lo:1", "255.255.255.0"));
  tell("lo:1");
  T(set(SIOCSIFADDR, "lo:1", "127.0.0.6"));
  T(set(SIOCSIFADDR, "nothing:1", "127.0.0.6"));
  all();
  SAY("%d", change(RTM_NEWADDR, "10.1.2.3", 32, "lo:web"));
  SAY("%d", change(RTM_NEWADDR, "10.1.2.3", 32, "lo:other"));
  SAY("%d", change(RTM_NEWADDR, "10.1.2.4", 32, "lo:b"));
  tell("lo:web");
  all();
  reach("10.1.2.3");
  reach("10.1.2.4");
  SAY("%d", change(RTM_DELADDR, "10.1.2.3", 32, "lo:other"));
  SAY("%d", change(RTM_DELADDR, "10.1.2.3", 32, "lo:web"));
  SAY("%d", change(RTM_DELADDR, "10.1.2.4", 32, NULL));
  SAY("%d", change(RTM_DELADDR, "10.1.2.4", 32, NULL));
  T(flags("lo:1", 0));
  T(flags("lo:1", 0));
  tell("lo:1");
  all();
  reach("127.0.0.1");
  return 0;
}
