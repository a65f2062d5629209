// Requests about addresses, routes and neighbours that make no sense.
#include "../include/inet.h"
#include <net/if_arp.h>
#include <net/route.h>

int main(void) {
  own_network();
  int s = socket(AF_INET, SOCK_DGRAM, 0), newer = socket(AF_INET6, SOCK_DGRAM, 0);

  struct rtentry route = {.rt_flags = RTF_UP, .rt_dev = "lo"};
  *(struct sockaddr_in *)&route.rt_dst = at("10.1.0.0", 0);
  *(struct sockaddr_in *)&route.rt_genmask = at("255.0.255.0", 0);
  T(ioctl(s, SIOCADDRT, &route));
  *(struct sockaddr_in *)&route.rt_genmask = at("255.255.0.0", 0);
  route.rt_dev = "nothing";
  T(ioctl(s, SIOCADDRT, &route));

  struct in6_rtmsg to = {.rtmsg_dst_len = 200, .rtmsg_flags = RTF_UP, .rtmsg_ifindex = 1};
  T(ioctl(newer, SIOCADDRT, &to));

  struct { struct in6_addr ip; unsigned prefix; int index; } own = {.ip = {{{0xfd}}}, .prefix = 200, .index = 1};
  T(ioctl(newer, SIOCSIFADDR, &own));
  own.prefix = 64, own.index = 999;
  T(ioctl(newer, SIOCSIFADDR, &own));
  own.index = 1;
  T(ioctl(newer, SIOCDIFADDR, &own));
  T(ioctl(newer, SIOCSIFADDR, &own));
  T(ioctl(newer, SIOCSIFADDR, &own));
  T(ioctl(newer, SIOCDIFADDR, &own));

  struct arpreq neighbour = {.arp_flags = ATF_PERM | ATF_COM, .arp_dev = "lo", .arp_ha.sa_family = ARPHRD_ETHER};
  *(struct sockaddr_in *)&neighbour.arp_pa = at("10.1.0.5", 0);
  T(ioctl(s, SIOCSARP, &neighbour));
  T(ioctl(s, SIOCDARP, &neighbour));
  strcpy(neighbour.arp_dev, "nothing");
  T(ioctl(s, SIOCSARP, &neighbour));
  neighbour.arp_pa.sa_family = AF_INET6;
  T(ioctl(s, SIOCSARP, &neighbour));

  // What cards of other kinds do, and drivers have of their own.
  unsigned requests[] = {0x8947, 0x8948, 0x8949, 0x8990, 0x8995, 0x89a2, 0x89b1, 0x89f0, 0x89ff};
  for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
    struct ifreq request = {.ifr_name = "lo"};
    T(ioctl(s, requests[i], &request));
    strcpy(request.ifr_name, "nothing");
    T(ioctl(s, requests[i], &request));
  }
  return done();
}
