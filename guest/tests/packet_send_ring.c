// Rings of packet sockets for frames that go: what is sent of them, what is wrong with them, and who sees it.
//: root
#include "../include/packet.h"

static unsigned char *ring(int s, int version, unsigned frame, unsigned count) {
  struct tpacket_req3 shape = {.tp_block_size = frame * count, .tp_block_nr = 1, .tp_frame_size = frame, .tp_frame_nr = count};
  T(setsockopt(s, SOL_PACKET, PACKET_TX_RING, &shape, version == TPACKET_V3 ? sizeof shape : sizeof(struct tpacket_req)));
  unsigned char *at = mmap(NULL, frame * count, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0);
  IS(at != MAP_FAILED);
  return at;
}

static volatile unsigned *status(int version, unsigned char *at) { return (volatile unsigned *)(version == TPACKET_V3 ? at + 20 : at); }

// Fills a place with a frame, and says that it is to go.
static void fill(int version, int kind, unsigned char *at, unsigned length, int number) {
  unsigned header = version == TPACKET_V3 ? 48 : 32, skip = kind == SOCK_RAW ? 14 : 0;
  *(unsigned *)(at + (version == TPACKET_V1 ? 8 : version == TPACKET_V2 ? 4 : 16)) = length + skip;
  memset(at + header, 0, skip);
  if (skip) at[header + 12] = PROTOCOL >> 8, at[header + 13] = PROTOCOL & 255;
  memset(at + header + skip, number, length);
  *status(version, at) = TP_STATUS_SEND_REQUEST;
}

static void tell(int s) {
  unsigned char bytes[2048];
  ssize_t got;
  while ((got = recv(s, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) SAY("  %zd bytes, first %d, last %d", got, bytes[0], bytes[got - 1]);
}

static void sends(int version, int kind) {
  SAY("version %d, kind %d", version, kind);
  int s = bound_socket(kind, PROTOCOL), reader = bound_socket(SOCK_DGRAM, PROTOCOL);
  struct sockaddr_ll to = on(LO, PROTOCOL);
  T(set_number(s, PACKET_VERSION, version));
  unsigned char *at = ring(s, version, 1024, 8);
  SAY("nothing to go: %zd", send(s, NULL, 0, 0));
  IS(ready(s, POLLOUT, 0) & POLLOUT);
  for (int i = 0; i < 3; i++) fill(version, kind, at + 1024 * i, 100 + i, i + 1);
  T(send(s, NULL, 0, 0));
  SAY("%u %u %u", *status(version, at), *status(version, at + 1024), *status(version, at + 2048));
  tell(reader);
  SAY("the next place, and an address");
  fill(version, kind, at, 50, 4);
  T(sendto(s, NULL, 0, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to));
  fill(version, kind, at + 3072, 50, 5);
  T(sendto(s, NULL, 0, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to));
  SAY("%u", *status(version, at));
  tell(reader);
  *status(version, at) = 0;
  SAY("too long for a place, then mended");
  fill(version, kind, at + 4096, 50, 6);
  *(unsigned *)(at + 4096 + (version == TPACKET_V1 ? 8 : version == TPACKET_V2 ? 4 : 16)) = 1000;
  fill(version, kind, at + 5120, 50, 7);
  T(send(s, NULL, 0, 0));
  SAY("%u %u", *status(version, at + 4096), *status(version, at + 5120));
  fill(version, kind, at + 4096, 50, 8);
  T(send(s, NULL, 0, 0));
  SAY("%u %u", *status(version, at + 4096), *status(version, at + 5120));
  tell(reader);
  SAY("all round");
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < 8; i++) {
      fill(version, kind, at + 1024 * ((6 + i) % 8), 20, 10 + i);
      if (i % 4 == 3) T(send(s, NULL, 0, 0));
    }
  tell(reader);
  to.sll_ifindex = 77;
  T(sendto(s, NULL, 0, 0, (struct sockaddr *)&to, sizeof to));
  T(sendto(s, NULL, 0, 0, (struct sockaddr *)&to, 19));
  munmap(at, 8192);
  close(s), close(reader);
}

static void loses(void) {
  int s = bound_socket(SOCK_RAW, PROTOCOL), reader = bound_socket(SOCK_DGRAM, PROTOCOL);
  T(set_number(s, PACKET_VERSION, TPACKET_V2));
  T(set_number(s, PACKET_LOSS, 1));
  unsigned char *at = ring(s, TPACKET_V2, 1024, 4);
  for (int i = 0; i < 3; i++) fill(TPACKET_V2, SOCK_RAW, at + 1024 * i, 100, i + 1);
  *(unsigned *)(at + 1024 + 4) = 1000;
  T(send(s, NULL, 0, 0));
  SAY("%u %u %u", *status(TPACKET_V2, at), *status(TPACKET_V2, at + 1024), *status(TPACKET_V2, at + 2048));
  tell(reader);
  munmap(at, 4096);
  close(s), close(reader);
}

static void offsets(void) {
  int s = bound_socket(SOCK_RAW, PROTOCOL), reader = bound_socket(SOCK_DGRAM, PROTOCOL);
  T(set_number(s, PACKET_VERSION, TPACKET_V2));
  T(set_number(s, PACKET_TX_HAS_OFF, 1));
  unsigned char *at = ring(s, TPACKET_V2, 1024, 4);
  struct tpacket2_hdr *head = (struct tpacket2_hdr *)at;
  fill(TPACKET_V2, SOCK_RAW, at, 100, 1);
  memmove(at + 200, at + 32, 114);
  head->tp_mac = 200;
  T(send(s, NULL, 0, 0));
  tell(reader);
  static const unsigned short wrong[] = {0, 31, 1024 - 113, 1024, 65535};
  head = (struct tpacket2_hdr *)(at + 1024);
  for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    fill(TPACKET_V2, SOCK_RAW, at + 1024, 100, 2);
    head->tp_mac = wrong[i];
    T(send(s, NULL, 0, 0));
    SAY("%u", *status(TPACKET_V2, at + 1024));
  }
  munmap(at, 4096);
  close(s), close(reader);
}

static void bypasses(void) {
  int s = bound_socket(SOCK_RAW, PROTOCOL), all = bound_socket(SOCK_DGRAM, ETH_P_ALL);
  T(set_number(s, PACKET_QDISC_BYPASS, 1));
  T(send_frame(s, 20, 1));
  tell(all);
  T(set_number(s, PACKET_QDISC_BYPASS, 0));
  T(send_frame(s, 20, 2));
  tell(all);
  close(s), close(all);
}

static void both(void) {
  // Frames that come lie in the mapping before those that go.
  int s = bound_socket(SOCK_RAW, PROTOCOL);
  T(set_number(s, PACKET_VERSION, TPACKET_V2));
  struct tpacket_req shape = {.tp_block_size = 4096, .tp_block_nr = 2, .tp_frame_size = 2048, .tp_frame_nr = 4};
  T(setsockopt(s, SOL_PACKET, PACKET_RX_RING, &shape, sizeof shape));
  shape.tp_block_nr = 1, shape.tp_frame_nr = 2;
  T(setsockopt(s, SOL_PACKET, PACKET_TX_RING, &shape, sizeof shape));
  unsigned char *at = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0);
  IS(at != MAP_FAILED);
  fill(TPACKET_V2, SOCK_RAW, at + 8192, 77, 9);
  T(send(s, NULL, 0, 0));
  struct tpacket2_hdr *came = (struct tpacket2_hdr *)at;
  SAY("%u, %u bytes, last %d", came->tp_status & 1, came->tp_len, at[came->tp_mac + came->tp_len - 1]);
  munmap(at, 12288);
  close(s);
}

int main(void) {
  own_network();
  for (int version = 0; version < 3; version++) sends(version, SOCK_RAW);
  sends(TPACKET_V2, SOCK_DGRAM);
  loses();
  offsets();
  bypasses();
  both();
  return done();
}
