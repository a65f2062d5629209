// Packet sockets that share what comes: by flow, by turns, by CPU, by chance, by room, by what a program says; how groups begin and end.
//: root
#include "../include/packet.h"

#ifndef PACKET_FANOUT_FLAG_IGNORE_OUTGOING
#define PACKET_FANOUT_FLAG_IGNORE_OUTGOING 0x4000
#endif

static int join(int s, int id, int kind, int flags) {
  int value = id | (kind | flags) << 16;
  return setsockopt(s, SOL_PACKET, PACKET_FANOUT, &value, sizeof value) ? errno : 0;
}

// How many frames wait for it, and which: their sum, which says so.
static void tell(int s, const char *who) {
  unsigned char bytes[2000];
  int count = 0, sum = 0;
  ssize_t got;
  while ((got = recv(s, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) count++, sum += bytes[got - 1];
  SAY("  %s: %d, %d", who, count, sum);
}

static void groups(void) {
  int a = bound_socket(SOCK_RAW, PROTOCOL), b = bound_socket(SOCK_RAW, PROTOCOL), other = bound_socket(SOCK_RAW, ETH_P_ALL), none = packet_socket(SOCK_RAW, 0);
  SAY("no such kind %d, rollover twice %d", join(a, 7, 9, 0), join(a, 7, PACKET_FANOUT_ROLLOVER, PACKET_FANOUT_FLAG_ROLLOVER));
  SAY("who listens to nothing %d", join(none, 7, PACKET_FANOUT_LB, 0));
  SAY("%x %d, then %x", get_number(a, PACKET_FANOUT), join(a, 7, PACKET_FANOUT_LB, 0), get_number(a, PACKET_FANOUT));
  SAY("twice %d", join(a, 7, PACKET_FANOUT_LB, 0));
  SAY("another kind %d, other flags %d, another protocol %d", join(b, 7, PACKET_FANOUT_HASH, 0), join(b, 7, PACKET_FANOUT_LB, PACKET_FANOUT_FLAG_ROLLOVER),
      join(other, 7, PACKET_FANOUT_LB, 0));
  SAY("%d", join(b, 7, PACKET_FANOUT_LB, 0));
  struct sockaddr_ll where = on(LO, PROTOCOL);
  T(bind(b, (struct sockaddr *)&where, sizeof where));
  T(setsockopt(a, SOL_PACKET, PACKET_FANOUT, &where, 3));
  T(setsockopt(a, SOL_PACKET, PACKET_FANOUT_DATA, &where, sizeof where));
  T(setsockopt(none, SOL_PACKET, PACKET_FANOUT_DATA, &where, sizeof where));
  SAY("%d", get_number(a, PACKET_ROLLOVER_STATS));
  close(a), close(b);
  SAY("a number for oneself");
  a = bound_socket(SOCK_RAW, PROTOCOL), b = bound_socket(SOCK_RAW, PROTOCOL);
  SAY("%d %d", join(a, 3, PACKET_FANOUT_LB, PACKET_FANOUT_FLAG_UNIQUEID), join(a, 0, PACKET_FANOUT_LB, PACKET_FANOUT_FLAG_UNIQUEID));
  SAY("%d", join(b, 0, PACKET_FANOUT_LB, PACKET_FANOUT_FLAG_UNIQUEID));
  IS((get_number(a, PACKET_FANOUT) & 0xffff) != (get_number(b, PACKET_FANOUT) & 0xffff));
  SAY("%x", get_number(a, PACKET_FANOUT) >> 16);
  close(a), close(b);
  SAY("so many and no more");
  struct { unsigned short id, kind; unsigned most; } wanted = {9, PACKET_FANOUT_LB, 2};
  int all[3];
  for (int i = 0; i < 3; i++) {
    all[i] = bound_socket(SOCK_RAW, PROTOCOL);
    T(setsockopt(all[i], SOL_PACKET, PACKET_FANOUT, &wanted, sizeof wanted));
  }
  wanted.most = 3;
  T(setsockopt(all[2], SOL_PACKET, PACKET_FANOUT, &wanted, sizeof wanted));
  close(all[0]);
  wanted.most = 0;
  T(setsockopt(all[2], SOL_PACKET, PACKET_FANOUT, &wanted, sizeof wanted));
  wanted.id = 10, wanted.most = 65537;
  T(setsockopt(other, SOL_PACKET, PACKET_FANOUT, &wanted, sizeof wanted));
  close(all[1]), close(all[2]), close(other), close(none);
}

static void shares(int kind, int flags, const char *name) {
  int s[4], sender = packet_socket(SOCK_RAW, 0);
  printf("%s:", name);
  for (int i = 0; i < 4; i++) {
    s[i] = bound_socket(SOCK_RAW, PROTOCOL);
    printf(" %d", join(s[i], 20 + kind, kind, flags));
  }
  SAY(" ");
  for (int i = 1; i <= 40; i++) send_frame(sender, 50, i);
  unsigned char bytes[100];
  int total = 0, used = 0;
  for (int i = 0; i < 4; i++) {
    int count = 0;
    while (recv(s[i], bytes, sizeof bytes, MSG_DONTWAIT) > 0) count++;
    if (kind == PACKET_FANOUT_LB) SAY("  %d", count);
    total += count, used += count > 0;
  }
  if (kind == PACKET_FANOUT_RND) IS(used > 1);
  else SAY("  %d of them got something", used);
  SAY("  %d altogether", total);
  close(s[1]);
  for (int i = 0; i < 3; i++) send_frame(sender, 50, i);
  total = 0;
  for (int i = 0; i < 4; i++)
    while (i != 1 && recv(s[i], bytes, sizeof bytes, MSG_DONTWAIT) > 0) total++;
  SAY("  %d when one is gone", total);
  close(s[0]), close(s[2]), close(s[3]), close(sender);
}

// All of a flow, in both directions, comes to the same.
static void flows(void) {
  int s[8], sender = packet_socket(SOCK_RAW, 0);
  for (int i = 0; i < 8; i++) {
    s[i] = bound_socket(SOCK_RAW, ETH_P_IP);
    if (join(s[i], 40, PACKET_FANOUT_HASH, 0)) SAY("%s", t_error(errno));
  }
  int owners[32], used = 0, same = 0;
  for (int flow = 0; flow < 32; flow++) {
    owners[flow] = -1;
    for (int back = 0; back < 2; back++) {
      unsigned char frame[60] = {[12] = 8, [14] = 0x45, [17] = 46, [22] = 64, [23] = 17, [26] = 10, [29] = 1, [30] = 10, [33] = 2, [35] = 100, [37] = 200, [39] = 26};
      frame[back ? 33 : 29] = 1, frame[back ? 29 : 33] = 2;
      frame[back ? 36 : 34] = (unsigned char)flow, frame[back ? 37 : 35] = 100, frame[back ? 34 : 36] = 7, frame[back ? 35 : 37] = 200;
      struct sockaddr_ll to = on(LO, ETH_P_IP);
      sendto(sender, frame, sizeof frame, 0, (struct sockaddr *)&to, sizeof to);
      for (int i = 0; i < 8; i++)
        if (recv(s[i], frame, sizeof frame, MSG_DONTWAIT) > 0) {
          if (back) same += owners[flow] == i;
          else owners[flow] = i, used |= 1 << i;
        }
    }
  }
  SAY("%d flows came to the same both ways", same);
  IS(__builtin_popcount((unsigned)used) > 2);
  for (int i = 0; i < 8; i++) close(s[i]);
  close(sender);
}

static void by_room(int kind, int flags) {
  int s[2], sender = packet_socket(SOCK_RAW, 0);
  for (int i = 0; i < 2; i++) {
    struct tpacket_req shape = {.tp_block_size = 4096, .tp_block_nr = 1, .tp_frame_size = 512, .tp_frame_nr = 8};
    s[i] = bound_socket(SOCK_RAW, PROTOCOL);
    T(set_number(s[i], PACKET_VERSION, TPACKET_V2));
    T(setsockopt(s[i], SOL_PACKET, PACKET_RX_RING, &shape, sizeof shape));
    SAY("%d", join(s[i], 50 + flags / 256, kind, flags));
  }
  for (int i = 1; i <= 30; i++) send_frame(sender, 50, i);
  for (int i = 0; i < 2; i++) {
    struct tpacket_rollover_stats stats = {0};
    struct tpacket_stats counts;
    socklen_t len = sizeof counts, length = sizeof stats;
    T(getsockopt(s[i], SOL_PACKET, PACKET_STATISTICS, &counts, &len));
    T(getsockopt(s[i], SOL_PACKET, PACKET_ROLLOVER_STATS, &stats, &length));
    if (kind == PACKET_FANOUT_ROLLOVER) SAY("  %u came, %u lost", counts.tp_packets, counts.tp_drops);
    else IS(counts.tp_packets >= 6);
    IS(stats.tp_all + stats.tp_failed > 0 || i == 1);
    close(s[i]);
  }
  close(sender);
}

static void by_program(void) {
  // The first byte behind the header says which.
  struct sock_filter program[] = {{BPF_LD | BPF_B | BPF_ABS, 0, 0, 0}, {BPF_RET | BPF_A, 0, 0, 0}};
  struct sock_fprog chooses = {2, program};
  int s[3], sender = packet_socket(SOCK_RAW, 0);
  for (int i = 0; i < 3; i++) {
    s[i] = bound_socket(SOCK_RAW, PROTOCOL);
    SAY("%d", join(s[i], 60, PACKET_FANOUT_CBPF, PACKET_FANOUT_FLAG_IGNORE_OUTGOING));
  }
  for (int i = 3; i < 6; i++) send_frame(sender, 20, i);
  tell(s[0], "without a program all");
  T(setsockopt(s[1], SOL_PACKET, PACKET_FANOUT_DATA, &chooses, 3));
  T(setsockopt(s[1], SOL_PACKET, PACKET_FANOUT_DATA, &chooses, sizeof chooses));
  for (int i = 3; i < 10; i++) send_frame(sender, 20, i);
  tell(s[0], "first");
  tell(s[1], "second");
  tell(s[2], "third");
  for (int i = 0; i < 3; i++) close(s[i]);
  close(sender);
}

int main(void) {
  // Whoever sends is on one CPU, so that what comes by it comes by one.
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  T(sched_setaffinity(0, sizeof one, &one));
  own_network();
  groups();
  shares(PACKET_FANOUT_HASH, 0, "by flow");
  shares(PACKET_FANOUT_LB, 0, "by turns");
  shares(PACKET_FANOUT_CPU, 0, "by CPU");
  shares(PACKET_FANOUT_RND, 0, "by chance");
  shares(PACKET_FANOUT_QM, 0, "by queue");
  flows();
  by_room(PACKET_FANOUT_ROLLOVER, 0);
  by_room(PACKET_FANOUT_LB, PACKET_FANOUT_FLAG_ROLLOVER);
  by_program();
  return done();
}
