// Options of the level of sockets: each on every kind of socket, with every length and many values.
//: root
#include "../include/options.h"

#define O(name) {#name, SOL_SOCKET, name}
#define N(name, number) {#name, SOL_SOCKET, number}
static const struct option options[] = {
  O(SO_DEBUG), O(SO_REUSEADDR), O(SO_TYPE), O(SO_ERROR), O(SO_DONTROUTE), O(SO_BROADCAST), O(SO_SNDBUF), O(SO_RCVBUF), O(SO_KEEPALIVE),
  O(SO_OOBINLINE), O(SO_NO_CHECK), O(SO_PRIORITY), O(SO_LINGER), O(SO_REUSEPORT), O(SO_PASSCRED), O(SO_RCVLOWAT), O(SO_SNDLOWAT),
  O(SO_RCVTIMEO), O(SO_SNDTIMEO), O(SO_DETACH_FILTER), O(SO_PEERNAME), O(SO_TIMESTAMP), O(SO_ACCEPTCONN), O(SO_PEERSEC),
  O(SO_SNDBUFFORCE), O(SO_RCVBUFFORCE), O(SO_PASSSEC), O(SO_TIMESTAMPNS), O(SO_MARK), O(SO_TIMESTAMPING), O(SO_PROTOCOL), O(SO_DOMAIN),
  O(SO_RXQ_OVFL), O(SO_WIFI_STATUS), O(SO_PEEK_OFF), O(SO_NOFCS), O(SO_LOCK_FILTER), O(SO_SELECT_ERR_QUEUE), O(SO_BUSY_POLL),
  O(SO_MAX_PACING_RATE), O(SO_BPF_EXTENSIONS), O(SO_INCOMING_CPU), O(SO_CNX_ADVICE), O(SO_INCOMING_NAPI_ID), O(SO_PEERGROUPS),
  O(SO_PEERCRED), O(SO_BSDCOMPAT), O(SO_ZEROCOPY), O(SO_TXTIME), N(SO_TIMESTAMP_NEW, 63), N(SO_TIMESTAMPNS_NEW, 64), N(SO_TIMESTAMPING_NEW, 65), N(SO_RCVTIMEO_NEW, 66),
  N(SO_SNDTIMEO_NEW, 67), N(SO_PREFER_BUSY_POLL, 69), N(SO_BUSY_POLL_BUDGET, 70), N(SO_BUF_LOCK, 72), N(SO_RESERVE_MEM, 73),
  N(SO_TXREHASH, 74), N(SO_RCVMARK, 75), N(SO_RCVPRIORITY, 82), N(SO_UNKNOWN, 200),
};

int main(void) {
  for (int k = 0; k < KINDS; k++)
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) walk_option(&kinds[k], &options[i]);
  // The namespace of networks: which number it has is chance.
  uint64_t cookie = 0;
  socklen_t len = sizeof cookie;
  int s = socket(AF_INET, SOCK_STREAM, 0);
  T(getsockopt(s, SOL_SOCKET, 71, &cookie, &len));
  SAY("%u bytes, some number: %d", len, cookie != 0);
  T(setsockopt(s, SOL_SOCKET, 71, &cookie, len));
  return done();
}
