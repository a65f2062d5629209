// Options of the levels of TCP, UDP and raw sockets: each on every kind of socket, with every length and many values.
//: root
#include "../include/options.h"
#include <netinet/tcp.h>
#include <netinet/udp.h>

#define T_(name) {#name, IPPROTO_TCP, name}
#define N(name, number) {#name, IPPROTO_TCP, number}
#define U(name, number) {#name, IPPROTO_UDP, number}
static const struct option options[] = {
  T_(TCP_NODELAY), T_(TCP_MAXSEG), T_(TCP_CORK), T_(TCP_KEEPIDLE), T_(TCP_KEEPINTVL), T_(TCP_KEEPCNT), T_(TCP_SYNCNT), T_(TCP_LINGER2), T_(TCP_DEFER_ACCEPT),
  T_(TCP_WINDOW_CLAMP), T_(TCP_QUICKACK), N(TCP_THIN_LINEAR_TIMEOUTS, 16), N(TCP_THIN_DUPACK, 17), T_(TCP_USER_TIMEOUT), 
  T_(TCP_FASTOPEN), T_(TCP_NOTSENT_LOWAT), N(TCP_SAVE_SYN, 27), N(TCP_SAVED_SYN, 28),
  N(TCP_FASTOPEN_CONNECT, 30), N(TCP_FASTOPEN_NO_COOKIE, 34), N(TCP_INQ, 36),
  N(TCP_UNKNOWN, 100),
  U(UDP_CORK, 1), U(UDP_NO_CHECK6_TX, 101), U(UDP_NO_CHECK6_RX, 102), U(UDP_SEGMENT, 103), U(UDP_GRO, 104), U(UDPLITE_SEND_CSCOV, 10),
  U(UDPLITE_RECV_CSCOV, 11), U(UDP_UNKNOWN, 90), {"UNKNOWN_LEVEL", 500, 1},
};

int main(void) {
  for (int k = 0; k < KINDS; k++)
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) walk_option(&kinds[k], &options[i]);
  return done();
}
