// Options of the level of IP version 6: each on every kind of socket, with every length and many values.
//: root
#include "../include/options.h"

#define O(name) {#name, IPPROTO_IPV6, name}
#define N(name, number) {#name, IPPROTO_IPV6, number}
static const struct option options[] = {
  N(IPV6_2292PKTINFO, 2), O(IPV6_CHECKSUM), N(IPV6_2292HOPLIMIT, 8),
  N(IPV6_FLOWINFO, 11), O(IPV6_UNICAST_HOPS), O(IPV6_MULTICAST_HOPS), O(IPV6_MULTICAST_LOOP), 
  O(IPV6_MTU_DISCOVER), O(IPV6_MTU), O(IPV6_RECVERR), O(IPV6_V6ONLY), N(IPV6_MULTICAST_ALL, 29), N(IPV6_ROUTER_ALERT_ISOLATE, 30), N(IPV6_RECVERR_RFC4884, 31),
  O(IPV6_HDRINCL), O(IPV6_RECVPKTINFO), O(IPV6_RECVHOPLIMIT), O(IPV6_RECVHOPOPTS), O(IPV6_RECVRTHDR), 
  O(IPV6_RECVDSTOPTS), O(IPV6_RECVPATHMTU), O(IPV6_DONTFRAG), O(IPV6_RECVTCLASS), O(IPV6_TCLASS), O(IPV6_AUTOFLOWLABEL),
  O(IPV6_ADDR_PREFERENCES), O(IPV6_MINHOPCOUNT), N(IPV6_ORIGDSTADDR, 74), N(IPV6_TRANSPARENT, 75), N(IPV6_UNICAST_IF, 76), N(IPV6_RECVFRAGSIZE, 77),
  N(IPV6_FREEBIND, 78), N(IPV6_UNKNOWN, 100),
};

int main(void) {
  for (int k = 0; k < KINDS; k++)
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) walk_option(&kinds[k], &options[i]);
  return done();
}
