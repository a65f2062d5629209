// Packet sockets on loopback, and frames of a protocol that nobody else speaks.
#ifndef PACKET_H
#define PACKET_H
#include "inet.h"
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <poll.h>

#define PROTOCOL 0x88b5
#define LO 1

static inline int packet_socket(int kind, int protocol) {
  int s = socket(AF_PACKET, kind, htons(protocol));
  if (s < 0) SAY("no packet socket: %s", t_error(errno));
  return s;
}

static inline struct sockaddr_ll on(int interface, int protocol) {
  struct sockaddr_ll where = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = interface, .sll_halen = 6};
  return where;
}

static inline int bound_socket(int kind, int protocol) {
  int s = packet_socket(kind, 0);
  struct sockaddr_ll where = on(LO, protocol);
  if (bind(s, (struct sockaddr *)&where, sizeof where)) SAY("not bound: %s", t_error(errno));
  return s;
}

// Sends a frame with so many bytes behind its header, each of them that number.
static inline int send_frame(int s, int length, int number) {
  unsigned char frame[70000] = {0};
  frame[12] = PROTOCOL >> 8, frame[13] = PROTOCOL & 255;
  memset(frame + 14, number, length);
  struct sockaddr_ll where = on(LO, PROTOCOL);
  return (int)sendto(s, frame, length + 14, 0, (struct sockaddr *)&where, sizeof where);
}

static inline int set_number(int s, int name, int value) { return setsockopt(s, SOL_PACKET, name, &value, sizeof value); }

static inline int get_number(int s, int name) {
  int value = -77;
  socklen_t len = sizeof value;
  return getsockopt(s, SOL_PACKET, name, &value, &len) ? -errno : value;
}

// Waits until there is something, but not for ever.
static inline int ready(int s, int events, int milliseconds) {
  struct pollfd one = {.fd = s, .events = (short)events};
  return poll(&one, 1, milliseconds) < 0 ? -1 : one.revents;
}
#endif
