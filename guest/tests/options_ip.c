// Options of the level of IP version 4: each on every kind of socket, with every length and many values.
//: root
#include "../include/options.h"

#define O(name) {#name, IPPROTO_IP, name}
#define N(name, number) {#name, IPPROTO_IP, number}
static const struct option options[] = {
  O(IP_TOS), O(IP_TTL), O(IP_HDRINCL), O(IP_RECVOPTS), O(IP_RETOPTS), O(IP_PKTINFO), O(IP_PKTOPTIONS), O(IP_MTU_DISCOVER),
  O(IP_RECVERR), O(IP_RECVTTL), O(IP_RECVTOS), O(IP_MTU), O(IP_FREEBIND), N(IP_PASSSEC, 18), O(IP_TRANSPARENT),
  O(IP_ORIGDSTADDR), O(IP_MINTTL), O(IP_NODEFRAG), N(IP_CHECKSUM, 23), O(IP_BIND_ADDRESS_NO_PORT), N(IP_RECVFRAGSIZE, 25), N(IP_RECVERR_RFC4884, 26),
  O(IP_MULTICAST_IF), O(IP_MULTICAST_TTL), O(IP_MULTICAST_LOOP), O(IP_MULTICAST_ALL), O(IP_UNICAST_IF), N(IP_LOCAL_PORT_RANGE, 51), N(IP_PROTOCOL, 52),
  N(IP_UNKNOWN, 100),
};

int main(void) {
  for (int k = 0; k < KINDS; k++)
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) walk_option(&kinds[k], &options[i]);
  return done();
}
