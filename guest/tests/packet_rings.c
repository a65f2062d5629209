// Rings of packet sockets for frames that come: their shapes, what stands in them, what is lost, and how long they live.
//: root
#include "../include/packet.h"
#include <sys/wait.h>

// Statuses without what depends on other sockets and on the device: times and checksums.
#define STATUS(word) ((unsigned)(word) & (TP_STATUS_USER | TP_STATUS_COPY | TP_STATUS_LOSING | TP_STATUS_BLK_TMO))

static int ring(int s, int name, unsigned block, unsigned blocks, unsigned frame, unsigned count) {
  struct tpacket_req3 shape = {.tp_block_size = block, .tp_block_nr = blocks, .tp_frame_size = frame, .tp_frame_nr = count};
  return setsockopt(s, SOL_PACKET, name, &shape, sizeof(struct tpacket_req)) ? errno : 0;
}

static int blocks(int s, unsigned block, unsigned number, unsigned wait, unsigned own, unsigned wants) {
  struct tpacket_req3 shape = {.tp_block_size = block, .tp_block_nr = number, .tp_frame_size = 2048, .tp_frame_nr = block / 2048 * number,
                               .tp_retire_blk_tov = wait, .tp_sizeof_priv = own, .tp_feature_req_word = wants};
  return setsockopt(s, SOL_PACKET, PACKET_RX_RING, &shape, sizeof shape) ? errno : 0;
}

static unsigned char *mapped(int s, size_t length) {
  unsigned char *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, s, 0);
  if (at == MAP_FAILED) SAY("not mapped: %s", t_error(errno));
  return at == MAP_FAILED ? NULL : at;
}

static void shapes(void) {
  static const unsigned all[][4] = {{4096, 1, 2048, 2}, {4096, 1, 2048, 3}, {4095, 1, 2048, 1}, {0, 1, 2048, 0}, {4096, 1, 48, 85}, {4096, 1, 64, 64}, {4096, 1, 80, 51},
                                    {4096, 1, 100, 40}, {4096, 1, 8192, 0}, {4096, 1, 8192, 1}, {4096, 0, 2048, 2}, {4096, 0, 0, 0}, {8192, 2, 4096, 4}, {0x80000000, 1, 2048, 0x100000},
                                    {4096, 0xffffffff, 2048, 0xfffffffe}, {12288, 3, 6144, 6}};
  for (int version = 0; version < 3; version++) {
    int s = packet_socket(SOCK_RAW, 0);
    set_number(s, PACKET_VERSION, version);
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
      const unsigned *one = all[i];
      struct tpacket_req3 shape = {.tp_block_size = one[0], .tp_block_nr = one[1], .tp_frame_size = one[2], .tp_frame_nr = one[3]};
      int come = setsockopt(s, SOL_PACKET, PACKET_RX_RING, &shape, sizeof shape) ? errno : 0, go = setsockopt(s, SOL_PACKET, PACKET_TX_RING, &shape, sizeof shape) ? errno : 0;
      memset(&shape, 0, sizeof shape);
      setsockopt(s, SOL_PACKET, PACKET_RX_RING, &shape, sizeof shape);
      setsockopt(s, SOL_PACKET, PACKET_TX_RING, &shape, sizeof shape);
      SAY("%d: %u times %u, %u times %u: %d %d", version, one[1], one[0], one[3], one[2], come, go);
    }
    SAY("short: %d", ring(s, PACKET_RX_RING, 4096, 1, 2048, 2));
    SAY("twice: %d, gone: %d", ring(s, PACKET_RX_RING, 4096, 1, 2048, 2), ring(s, PACKET_RX_RING, 0, 0, 0, 0));
    close(s);
  }
  int s = packet_socket(SOCK_RAW, 0);
  set_number(s, PACKET_VERSION, TPACKET_V3);
  struct tpacket_req3 go = {.tp_block_size = 4096, .tp_block_nr = 1, .tp_frame_size = 2048, .tp_frame_nr = 2, .tp_retire_blk_tov = 1};
  T(setsockopt(s, SOL_PACKET, PACKET_TX_RING, &go, sizeof go));
  SAY("own part: %d %d %d", blocks(s, 4096, 1, 0, 4096, 0), blocks(s, 4096, 1, 0, 3980, 0), blocks(s, 4096, 1, 0, 3981, 0));
  close(s);
}

static void maps(void) {
  int s = packet_socket(SOCK_RAW, 0);
  set_number(s, PACKET_VERSION, TPACKET_V2);
  SAY("%d %d", ring(s, PACKET_RX_RING, 8192, 2, 2048, 8), ring(s, PACKET_TX_RING, 4096, 1, 2048, 2));
  T(mmap(NULL, 16384, PROT_READ, MAP_SHARED, s, 0) == MAP_FAILED ? -1 : 0);
  T(mmap(NULL, 24576, PROT_READ, MAP_SHARED, s, 0) == MAP_FAILED ? -1 : 0);
  T(mmap(NULL, 20480, PROT_READ, MAP_SHARED, s, 4096) == MAP_FAILED ? -1 : 0);
  unsigned char *at = mapped(s, 20480);
  SAY("mapped, so it stays: %d %d", ring(s, PACKET_RX_RING, 0, 0, 0, 0), ring(s, PACKET_TX_RING, 0, 0, 0, 0));
  T(set_number(s, PACKET_VERSION, TPACKET_V1));
  T(set_number(s, PACKET_RESERVE, 4));
  T(set_number(s, PACKET_LOSS, 1));
  T(set_number(s, PACKET_VNET_HDR, 1));
  T(set_number(s, PACKET_TX_HAS_OFF, 1));
  SAY("%d", get_number(s, PACKET_TX_HAS_OFF));
  at[0] = at[20479] = 1;
  T(munmap(at + 4096, 4096));
  SAY("a part of it: %d", ring(s, PACKET_RX_RING, 0, 0, 0, 0));
  pid_t child = fork();
  if (child == 0) {
    // The child has it too.
    munmap(at, 20480);
    _exit(0);
  }
  T(munmap(at, 20480));
  int status;
  waitpid(child, &status, 0);
  SAY("nothing of it: %d %d", ring(s, PACKET_RX_RING, 0, 0, 0, 0), ring(s, PACKET_TX_RING, 0, 0, 0, 0));
  T(mmap(NULL, 20480, PROT_READ, MAP_SHARED, s, 0) == MAP_FAILED ? -1 : 0);
  close(s);
}

static void say_place(int version, unsigned char *at, int length) {
  unsigned status, len, taken, frame, network, header;
  if (version == TPACKET_V1) {
    struct tpacket_hdr *one = (struct tpacket_hdr *)at;
    status = one->tp_status, len = one->tp_len, taken = one->tp_snaplen, frame = one->tp_mac, network = one->tp_net, header = 32;
    IS(one->tp_sec > 1000000 && one->tp_usec < 1000000);
  } else {
    struct tpacket2_hdr *one = (struct tpacket2_hdr *)at;
    status = one->tp_status, len = one->tp_len, taken = one->tp_snaplen, frame = one->tp_mac, network = one->tp_net, header = 32;
    IS(one->tp_sec > 1000000 && one->tp_nsec < 1000000000 && one->tp_vlan_tci == 0);
  }
  struct sockaddr_ll *from = (struct sockaddr_ll *)(at + header);
  SAY("status %x: %u of %u at %u %u, byte %d, last %d; family %d protocol %x interface %d kind %d type %d station %d", STATUS(status), taken, len, frame, network,
      at[network], length ? at[frame + taken - 1] : 0, from->sll_family, ntohs(from->sll_protocol), from->sll_ifindex, from->sll_hatype, from->sll_pkttype, from->sll_halen);
}

static void give_back(int version, unsigned char *at) {
  if (version == TPACKET_V1) *(volatile unsigned long *)at = 0;
  else *(volatile unsigned *)at = 0;
}

static void slots(int version, int kind, int reserved) {
  SAY("version %d, kind %d, %d reserved", version, kind, reserved);
  int s = bound_socket(kind, PROTOCOL), sender = packet_socket(SOCK_RAW, 0);
  T(set_number(s, PACKET_VERSION, version));
  T(set_number(s, PACKET_RESERVE, reserved));
  SAY("%d", ring(s, PACKET_RX_RING, 4096, 2, 1024, 8));
  unsigned char *at = mapped(s, 8192);
  SAY("nothing: %d", ready(s, POLLIN, 0));
  send_frame(sender, 50, 1);
  SAY("something: %d", ready(s, POLLIN, 10000));
  say_place(version, at, 50);
  SAY("longer than a place");
  send_frame(sender, 2000, 2);
  say_place(version, at + 1024, 2000);
  for (int i = 3; i < 12; i++) send_frame(sender, 40 + i, i);
  SAY("the last place, and what found none");
  say_place(version, at + 7 * 1024, 40);
  struct tpacket_stats stats;
  socklen_t len = sizeof stats;
  give_back(version, at);
  send_frame(sender, 30, 12);
  say_place(version, at, 30);
  T(getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &stats, &len));
  SAY("%u came, %u lost", stats.tp_packets, stats.tp_drops);
  SAY("readable while the last is there: %d", ready(s, POLLIN, 0));
  give_back(version, at);
  SAY("and then no more: %d", ready(s, POLLIN, 0));
  char byte;
  T(recv(s, &byte, 1, MSG_DONTWAIT));
  SAY("what finds no room can come beside");
  for (int i = 0; i < 8; i++) give_back(version, at + i * 1024);
  T(set_number(s, PACKET_COPY_THRESH, 1));
  send_frame(sender, 3000, 13);
  say_place(version, at + 1024, 3000);
  T(recv(s, &byte, 1, MSG_DONTWAIT | MSG_TRUNC));
  T(recv(s, &byte, 1, MSG_DONTWAIT | MSG_TRUNC));
  SAY("it lives as long as it is mapped");
  close(s);
  send_frame(sender, 44, 14);
  say_place(version, at + 2048, 44);
  pid_t child = fork();
  if (child == 0) {
    send_frame(sender, 45, 15);
    say_place(version, at + 3072, 45);
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  say_place(version, at + 3072, 45);
  munmap(at, 8192);
  close(sender);
}

static void say_block(unsigned char *at) {
  struct tpacket_block_desc *block = (struct tpacket_block_desc *)at;
  struct tpacket_hdr_v1 *head = &block->hdr.bh1;
  SAY("block: version %u, own part at %u, status %x, %u frames from %u, %u bytes, number %llu", block->version, block->offset_to_priv, STATUS(head->block_status), head->num_pkts,
      head->offset_to_first_pkt, head->blk_len, (unsigned long long)head->seq_num);
  IS(head->ts_first_pkt.ts_sec <= head->ts_last_pkt.ts_sec && head->ts_first_pkt.ts_sec > 1000000 && head->ts_last_pkt.ts_nsec < 1000000000);
  unsigned char *one = at + head->offset_to_first_pkt;
  for (unsigned i = 0; i < head->num_pkts && i < 3; i++) {
    struct tpacket3_hdr *frame = (struct tpacket3_hdr *)one;
    struct sockaddr_ll *from = (struct sockaddr_ll *)(one + 48);
    SAY("  next %u: %u of %u at %u %u, byte %d, tag %u %u, flow %s; protocol %x type %d", frame->tp_next_offset, frame->tp_snaplen, frame->tp_len, frame->tp_mac, frame->tp_net,
        one[frame->tp_net], frame->hv1.tp_vlan_tci, frame->hv1.tp_vlan_tpid, frame->hv1.tp_rxhash ? "known" : "unknown", ntohs(from->sll_protocol), from->sll_pkttype);
    IS(frame->tp_sec > 1000000 && frame->tp_nsec < 1000000000);
    one += frame->tp_next_offset;
  }
}

static void say_counts(int s) {
  struct tpacket_stats_v3 stats;
  socklen_t len = sizeof stats;
  T(getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &stats, &len));
  SAY("%u came, %u lost, %u times no block", stats.tp_packets, stats.tp_drops, stats.tp_freeze_q_cnt);
}

static void block_ring(int kind, unsigned own, unsigned wants) {
  SAY("blocks, kind %d, own part %u, wants %u", kind, own, wants);
  int s = bound_socket(kind, PROTOCOL), sender = packet_socket(SOCK_RAW, 0);
  T(set_number(s, PACKET_VERSION, TPACKET_V3));
  SAY("%d", blocks(s, 8192, 2, 800, own, wants));
  unsigned char *at = mapped(s, 16384);
  for (int i = 1; i < 4; i++) send_frame(sender, 50 + i, i);
  SAY("after a while: %d", ready(s, POLLIN, 10000));
  say_block(at);
  SAY("a frame that is longer than a block, and what comes when there is no block");
  send_frame(sender, 9000, 4);
  SAY("%d", ready(s, POLLIN, 10000));
  while (!*(volatile unsigned *)(at + 8192 + 8)) usleep(1000);
  say_block(at + 8192);
  for (int i = 5; i < 8; i++) send_frame(sender, 40, i);
  say_counts(s);
  SAY("given back");
  *(volatile unsigned *)(at + 8) = 0;
  for (int i = 8; i < 10; i++) send_frame(sender, 3000, i);
  *(volatile unsigned *)(at + 8192 + 8) = 0;
  send_frame(sender, 3000, 10);
  while (!*(volatile unsigned *)(at + 8)) usleep(1000);
  say_block(at);
  while (!*(volatile unsigned *)(at + 8192 + 8)) usleep(1000);
  say_block(at + 8192);
  say_counts(s);
  munmap(at, 16384);
  close(s), close(sender);
}

static void waits(void) {
  // Whoever sleeps is woken by the block's time, and one without a time of its own has one too.
  int s = bound_socket(SOCK_RAW, PROTOCOL), sender = packet_socket(SOCK_RAW, 0);
  set_number(s, PACKET_VERSION, TPACKET_V3);
  SAY("%d", blocks(s, 4096, 4, 0, 0, 0));
  unsigned char *at = mapped(s, 16384);
  pid_t child = fork();
  if (child == 0) {
    until_asleep(getppid());
    send_frame(sender, 20, 9);
    _exit(0);
  }
  SAY("%d", ready(s, POLLIN, 20000));
  say_block(at);
  int status;
  waitpid(child, &status, 0);
  munmap(at, 16384);
  close(s), close(sender);
}

static void with_offload(void) {
  for (int version = 0; version < 3; version++) {
    int s = bound_socket(SOCK_RAW, PROTOCOL), sender = packet_socket(SOCK_RAW, 0);
    T(set_number(s, PACKET_VERSION, version));
    T(set_number(s, PACKET_VNET_HDR, 1));
    SAY("%d", version == TPACKET_V3 ? blocks(s, 8192, 1, 20, 0, 0) : ring(s, PACKET_RX_RING, 8192, 1, 2048, 4));
    unsigned char *at = mapped(s, 8192);
    memset(at + 60, version == TPACKET_V3 ? 0 : 0xee, 40);
    send_frame(sender, 50, 1);
    SAY("%d", ready(s, POLLIN, 10000));
    if (version == TPACKET_V3) say_block(at);
    else say_place(version, at, 50);
    unsigned frame = version == TPACKET_V1 ? ((struct tpacket_hdr *)at)->tp_mac : version == TPACKET_V2 ? ((struct tpacket2_hdr *)at)->tp_mac : 48 + ((struct tpacket3_hdr *)(at + 48))->tp_mac;
    for (int i = -12; i < 0; i++) printf("%02x ", at[frame + i]);
    SAY("before it");
    munmap(at, 8192);
    close(s), close(sender);
  }
}

int main(void) {
  own_network();
  shapes();
  maps();
  slots(TPACKET_V1, SOCK_RAW, 0);
  slots(TPACKET_V2, SOCK_RAW, 0);
  slots(TPACKET_V2, SOCK_DGRAM, 16);
  slots(TPACKET_V1, SOCK_DGRAM, 5);
  block_ring(SOCK_RAW, 0, 0);
  block_ring(SOCK_DGRAM, 13, TP_FT_REQ_FILL_RXHASH);
  waits();
  with_offload();
  return done();
}
