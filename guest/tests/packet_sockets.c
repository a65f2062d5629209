// Packet sockets: addresses, frames with headers and without, what is told beside them, filters, options, counts, and errors.
//: root
#include "../include/packet.h"

static void names(void) {
  struct sockaddr_ll name = {0}, where = on(LO, PROTOCOL);
  socklen_t len = sizeof name;
  int s = packet_socket(SOCK_RAW, ETH_P_ALL);
  T(getsockname(s, (struct sockaddr *)&name, &len));
  SAY("%d bytes: family %d protocol %x interface %d kind %d", len, name.sll_family, ntohs(name.sll_protocol), name.sll_ifindex, name.sll_hatype);
  T(bind(s, (struct sockaddr *)&where, sizeof where));
  len = sizeof name;
  T(getsockname(s, (struct sockaddr *)&name, &len));
  SAY("%d bytes: family %d protocol %x interface %d kind %d, %d", len, name.sll_family, ntohs(name.sll_protocol), name.sll_ifindex, name.sll_hatype, name.sll_halen);
  T(getpeername(s, (struct sockaddr *)&name, &len));
  T(bind(s, (struct sockaddr *)&where, 19));
  where.sll_family = AF_INET;
  T(bind(s, (struct sockaddr *)&where, sizeof where));
  where = on(77, PROTOCOL);
  T(bind(s, (struct sockaddr *)&where, sizeof where));
  T(connect(s, (struct sockaddr *)&where, sizeof where));
  T(listen(s, 1));
  T(shutdown(s, SHUT_RD));
  int value, kind;
  len = sizeof kind;
  T(ioctl(s, TIOCOUTQ, &value));
  SAY("%d", value);
  T(getsockopt(s, SOL_SOCKET, SO_PROTOCOL, &value, &len));
  T(getsockopt(s, SOL_SOCKET, SO_TYPE, &kind, &len));
  SAY("%x %d", ntohs(value), kind);
  T(getsockopt(s, IPPROTO_IP, 1, &value, &len));
  T(mmap(NULL, 4096, PROT_READ, MAP_SHARED, s, 0) == MAP_FAILED ? -1 : 0);
  T(mmap(NULL, 0, PROT_READ, MAP_SHARED, s, 0) == MAP_FAILED ? -1 : 0);
  int udp = socket(AF_INET, SOCK_DGRAM, 0);
  T(mmap(NULL, 4096, PROT_READ, MAP_SHARED, udp, 0) == MAP_FAILED ? -1 : 0);
  close(udp);
  close(s);
  T(socket(AF_PACKET, SOCK_STREAM, 0));
}

// Receives a frame, and says all that is known of it.
static void tell(int s, int flags) {
  unsigned char bytes[256], control[256];
  struct sockaddr_ll from = {0};
  struct iovec piece = {bytes, sizeof bytes};
  struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t got = recvmsg(s, &message, flags | MSG_DONTWAIT);
  if (got < 0) {
    SAY("nothing: %s", t_error(errno));
    return;
  }
  SAY("%zd bytes, first %02x last %02x, flags %x; %d: protocol %x interface %d kind %d type %d station %d %02x", got, bytes[0], bytes[got < 256 ? got - 1 : 255], message.msg_flags,
      (int)message.msg_namelen, ntohs(from.sll_protocol), from.sll_ifindex, from.sll_hatype, from.sll_pkttype, from.sll_halen, from.sll_addr[5]);
  for (struct cmsghdr *one = CMSG_FIRSTHDR(&message); one; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level != SOL_PACKET) {
      SAY("  %d %d of %zu", one->cmsg_level, one->cmsg_type, (size_t)one->cmsg_len);
      continue;
    }
    struct tpacket_auxdata aux;
    memcpy(&aux, CMSG_DATA(one), sizeof aux);
    SAY("  %d of %zu: status %x, %d of %d, at %d %d, tag %d %d", one->cmsg_type, (size_t)one->cmsg_len, aux.tp_status, aux.tp_snaplen, aux.tp_len, aux.tp_mac, aux.tp_net,
        aux.tp_vlan_tci, aux.tp_vlan_tpid);
  }
}

static void frames(void) {
  int raw = bound_socket(SOCK_RAW, PROTOCOL), all = bound_socket(SOCK_DGRAM, ETH_P_ALL), other = packet_socket(SOCK_RAW, ETH_P_ARP);
  int sender = packet_socket(SOCK_RAW, 0);
  T(set_number(raw, PACKET_AUXDATA, 1));
  T(send_frame(sender, 50, 7));
  tell(raw, 0);
  tell(raw, 0);
  tell(all, 0);
  tell(all, 0);
  tell(all, 0);
  tell(other, 0);
  SAY("what it sends itself it sees come only");
  T(send_frame(all, 20, 8));
  tell(all, 0);
  tell(all, 0);
  T(set_number(all, PACKET_IGNORE_OUTGOING, 1));
  T(send_frame(sender, 20, 9));
  tell(all, 0);
  tell(all, 0);
  SAY("looked at, cut, and how long it was");
  int length;
  set_number(raw, PACKET_AUXDATA, 0);
  send_frame(sender, 1000, 10);
  while (recv(raw, &length, 1, MSG_DONTWAIT | MSG_PEEK) == 1 && ioctl(raw, FIONREAD, &length) == 0 && length < 1000) recv(raw, &length, 1, MSG_DONTWAIT);
  SAY("%d", length);
  tell(raw, MSG_PEEK);
  tell(raw, MSG_TRUNC);
  T(recv(raw, &length, 1, MSG_DONTWAIT));
  T(recv(raw, &length, 1, MSG_WAITALL | MSG_DONTWAIT));
  T(recv(raw, &length, 1, MSG_NOSIGNAL | MSG_DONTWAIT));
  T(recv(raw, &length, 1, MSG_ERRQUEUE));
  set_number(raw, PACKET_AUXDATA, 1);
  SAY("a datagram gets a header");
  struct sockaddr_ll to = on(LO, PROTOCOL);
  to.sll_addr[0] = 2;
  while (recv(all, &length, 1, MSG_DONTWAIT) >= 0) continue;
  T(sendto(all, "hello", 5, 0, (struct sockaddr *)&to, sizeof to));
  tell(raw, 0);
  tell(all, 0);
  to.sll_protocol = htons(ETH_P_802_2);
  T(sendto(all, "hello", 5, 0, (struct sockaddr *)&to, sizeof to));
  tell(all, 0);
  T(send(all, "bound", 5, 0));
  tell(all, 0);
  close(raw), close(all), close(other), close(sender);
}

static void bad_frames(void) {
  static char bytes[70000];
  int raw = packet_socket(SOCK_RAW, PROTOCOL), datagram = packet_socket(SOCK_DGRAM, 0);
  struct sockaddr_ll to = on(LO, PROTOCOL), nowhere = on(77, PROTOCOL);
  T(send(raw, bytes, 60, 0));
  T(send(datagram, bytes, 60, 0));
  T(sendto(raw, bytes, 60, 0, (struct sockaddr *)&nowhere, sizeof to));
  T(sendto(raw, bytes, 60, 0, (struct sockaddr *)&to, 19));
  to.sll_halen = 9;
  T(sendto(raw, bytes, 60, 0, (struct sockaddr *)&to, sizeof to));
  to.sll_halen = 0;
  T(sendto(raw, bytes, 60, 0, (struct sockaddr *)&to, sizeof to));
  T(sendto(raw, bytes, 13, 0, (struct sockaddr *)&to, sizeof to));
  T(sendto(raw, bytes, 14, 0, (struct sockaddr *)&to, sizeof to));
  T(sendto(raw, bytes, 65536 + 14, 0, (struct sockaddr *)&to, sizeof to));
  T(sendto(raw, bytes, 65536 + 15, 0, (struct sockaddr *)&to, sizeof to));
  bytes[12] = (char)0x81;
  T(sendto(raw, bytes, 65536 + 18, 0, (struct sockaddr *)&to, sizeof to));
  T(sendto(raw, bytes, 65536 + 19, 0, (struct sockaddr *)&to, sizeof to));
  T(sendto(datagram, bytes, 65536, 0, (struct sockaddr *)&to, sizeof to));
  T(sendto(datagram, bytes, 65537, 0, (struct sockaddr *)&to, sizeof to));
  close(raw), close(datagram);
}

static void options(void) {
  static const int names[] = {PACKET_COPY_THRESH, PACKET_AUXDATA, PACKET_ORIGDEV, PACKET_VERSION, PACKET_RESERVE, PACKET_LOSS, PACKET_VNET_HDR, PACKET_TIMESTAMP,
                              PACKET_TX_HAS_OFF, PACKET_QDISC_BYPASS, PACKET_IGNORE_OUTGOING, PACKET_FANOUT, PACKET_STATISTICS, PACKET_ROLLOVER_STATS, 16, 24, 99};
  for (int kind = SOCK_DGRAM; kind <= SOCK_RAW; kind++) {
    int s = packet_socket(kind, 0);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
      // What comes of its own group, or of programs, is tested elsewhere.
      int was = get_number(s, names[i]), errors[4], short_value = 0;
      if (names[i] == PACKET_FANOUT) {
        SAY("%d: %d", names[i], was);
        continue;
      }
      int values[] = {1, 2, 10, -1};
      for (int j = 0; j < 4; j++) errors[j] = set_number(s, names[i], values[j]) ? errno : 0;
      if (setsockopt(s, SOL_PACKET, names[i], values, 3)) short_value = errno;
      int long_value = setsockopt(s, SOL_PACKET, names[i], values, 8) ? errno : 0;
      SAY("%d: %d, then %d %d %d %d, %d; %d %d", names[i], was, errors[0], errors[1], errors[2], errors[3], get_number(s, names[i]), short_value, long_value);
    }
    close(s);
  }
  int s = packet_socket(SOCK_RAW, 0);
  for (int version = -1; version < 4; version++) {
    int value = version;
    socklen_t len = sizeof value;
    int error = getsockopt(s, SOL_PACKET, PACKET_HDRLEN, &value, &len) ? errno : 0;
    SAY("header of version %d: %s, %d", version, error ? t_error(error) : "ok", error ? 0 : value);
  }
  int value = 0;
  socklen_t len = 2;
  T(getsockopt(s, SOL_PACKET, PACKET_HDRLEN, &value, &len));
  close(s);
}

static void counts(void) {
  int s = bound_socket(SOCK_RAW, PROTOCOL), sender = packet_socket(SOCK_RAW, 0), small = 1;
  T(setsockopt(s, SOL_SOCKET, SO_RCVBUF, &small, sizeof small));
  for (int i = 0; i < 100; i++) send_frame(sender, 1000, i);
  struct tpacket_stats stats;
  socklen_t len = sizeof stats;
  T(getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &stats, &len));
  SAY("%d: %u came", len, stats.tp_packets);
  IS(stats.tp_drops > 90 && stats.tp_drops < 100);
  T(getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &stats, &len));
  SAY("%u came, %u lost", stats.tp_packets, stats.tp_drops);
  SAY("how many were lost is told with the next that finds room, and so is when it came");
  int on = 1;
  T(setsockopt(s, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on));
  T(setsockopt(s, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on));
  char byte;
  while (recv(s, &byte, 1, MSG_DONTWAIT) == 1) continue;
  send_frame(sender, 40, 3);
  tell(s, 0);
  T(set_number(s, PACKET_VERSION, TPACKET_V3));
  unsigned three[4] = {9, 9, 9, 9};
  len = sizeof three;
  T(getsockopt(s, SOL_PACKET, PACKET_STATISTICS, three, &len));
  SAY("%d: %u %u %u", len, three[0], three[1], three[2]);
  close(s), close(sender);
}

static void filtered(void) {
  // The second byte behind the header is to be a 5; of frames then 20 bytes are wanted.
  struct sock_filter program[] = {{BPF_LD | BPF_B | BPF_ABS, 0, 0, 15}, {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 5}, {BPF_RET | BPF_K, 0, 0, 20}, {BPF_RET | BPF_K, 0, 0, 0}};
  // The type of the frame is not to be "from us".
  struct sock_filter coming[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, SKF_AD_OFF + SKF_AD_PKTTYPE}, {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 4}, {BPF_RET | BPF_K, 0, 0, 0}, {BPF_RET | BPF_K, 0, 0, 0xffff}};
  struct sock_fprog wanted = {4, program}, come = {4, coming};
  int s = bound_socket(SOCK_RAW, PROTOCOL), d = bound_socket(SOCK_DGRAM, ETH_P_ALL), sender = packet_socket(SOCK_RAW, 0);
  T(setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &wanted, sizeof wanted));
  T(setsockopt(d, SOL_SOCKET, SO_ATTACH_FILTER, &come, sizeof come));
  T(set_number(s, PACKET_AUXDATA, 1));
  for (int i = 4; i < 7; i++) send_frame(sender, 100, i);
  tell(s, 0);
  tell(s, 0);
  for (int i = 0; i < 4; i++) tell(d, 0);
  struct tpacket_stats stats;
  socklen_t len = sizeof stats;
  T(getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &stats, &len));
  SAY("%u came, %u lost", stats.tp_packets, stats.tp_drops);
  close(s), close(d), close(sender);
}

static void member(int s, int interface, int type, int length, int name) {
  struct packet_mreq asked = {.mr_ifindex = interface, .mr_type = (unsigned short)type, .mr_alen = (unsigned short)length, .mr_address = {1, 0, 0x5e, 1, 2, 3}};
  int error = setsockopt(s, SOL_PACKET, name, &asked, sizeof asked) ? errno : 0;
  SAY("%s %d of interface %d, %d bytes: %s", name == PACKET_ADD_MEMBERSHIP ? "add" : "drop", type, interface, length, error ? t_error(error) : "ok");
}

static void memberships(void) {
  int s = packet_socket(SOCK_RAW, 0);
  for (int type = 0; type < 6; type++) {
    member(s, LO, type, 6, PACKET_ADD_MEMBERSHIP);
    member(s, LO, type, 3, PACKET_ADD_MEMBERSHIP);
    member(s, LO, type, 7, PACKET_ADD_MEMBERSHIP);
    member(s, 77, type, 6, PACKET_ADD_MEMBERSHIP);
    member(s, LO, type, 6, PACKET_DROP_MEMBERSHIP);
    member(s, LO, type, 6, PACKET_DROP_MEMBERSHIP);
  }
  T(setsockopt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &s, sizeof s));
  close(s);
}

static void offloads(void) {
  int s = bound_socket(SOCK_RAW, PROTOCOL), sender = packet_socket(SOCK_RAW, 0);
  unsigned char bytes[200] = {0};
  struct sockaddr_ll to = on(LO, PROTOCOL);
  T(set_number(s, PACKET_VNET_HDR, 1));
  T(set_number(sender, PACKET_VNET_HDR, 1));
  bytes[10 + 12] = PROTOCOL >> 8, bytes[10 + 13] = PROTOCOL & 255;
  T(sendto(sender, bytes, 10 + 60, 0, (struct sockaddr *)&to, sizeof to));
  T(sendto(sender, bytes, 9, 0, (struct sockaddr *)&to, sizeof to));
  T(sendto(sender, bytes, 15, 0, (struct sockaddr *)&to, sizeof to));
  memset(bytes, 0xee, sizeof bytes);
  T(recv(s, bytes, sizeof bytes, MSG_DONTWAIT));
  for (int i = 0; i < 10; i++) printf("%02x ", bytes[i]);
  SAY("and then %02x%02x", bytes[10 + 12], bytes[10 + 13]);
  bytes[10 + 12] = PROTOCOL >> 8, bytes[10 + 13] = PROTOCOL & 255;
  memset(bytes, 0, 10);
  T(sendto(sender, bytes, 10 + 60, 0, (struct sockaddr *)&to, sizeof to));
  T(recv(s, bytes, 9, MSG_DONTWAIT));
  close(s), close(sender);
}

// A checksum that is left to a card is right when the bytes are there, or is said to be missing.
static void checksums(void) {
  int s = bound_socket(SOCK_RAW, PROTOCOL), sender = packet_socket(SOCK_RAW, 0);
  unsigned char bytes[100] = {0};
  struct sockaddr_ll to = on(LO, PROTOCOL);
  set_number(s, PACKET_AUXDATA, 1);
  set_number(sender, PACKET_VNET_HDR, 1);
  struct virtio_net_hdr head = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 6, .hdr_len = 42};
  memcpy(bytes, &head, 10);
  bytes[22] = PROTOCOL >> 8, bytes[23] = PROTOCOL & 255;
  memset(bytes + 24, 3, 70);
  T(sendto(sender, bytes, 94, 0, (struct sockaddr *)&to, sizeof to));
  set_number(s, PACKET_VNET_HDR, 1);
  T(sendto(sender, bytes, 94, 0, (struct sockaddr *)&to, sizeof to));
  tell(s, 0);
  T(recv(s, bytes, sizeof bytes, MSG_DONTWAIT));
  struct virtio_net_hdr got;
  memcpy(&got, bytes, 10);
  SAY("flags %d, start %d, offset %d", got.flags, got.csum_start, got.csum_offset);
  head.csum_start = 14;
  memcpy(bytes, &head, 10);
  T(sendto(sender, bytes, 94, 0, (struct sockaddr *)&to, sizeof to));
  head.csum_start = 90;
  memcpy(bytes, &head, 10);
  T(sendto(sender, bytes, 94, 0, (struct sockaddr *)&to, sizeof to));
  close(s), close(sender);
}

static void goes_off(void) {
  struct ifreq request = {.ifr_name = "lo"};
  int s = bound_socket(SOCK_RAW, PROTOCOL), everywhere = packet_socket(SOCK_RAW, PROTOCOL), inet = socket(AF_INET, SOCK_DGRAM, 0);
  int error, value;
  socklen_t len = sizeof error;
  T(ready(s, POLLIN, 0));
  T(ioctl(inet, SIOCSIFFLAGS, &request));
  T(ready(s, POLLIN, 0) & ~POLLOUT);
  T(ready(everywhere, POLLIN, 0));
  T(getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &len));
  SAY("%s", t_error(error));
  T(send_frame(s, 20, 1));
  T(recv(s, &value, 1, MSG_DONTWAIT));
  int late = bound_socket(SOCK_RAW, PROTOCOL);
  T(recv(late, &value, 1, MSG_DONTWAIT));
  T(recv(late, &value, 1, MSG_DONTWAIT));
  request.ifr_flags = IFF_UP;
  T(ioctl(inet, SIOCSIFFLAGS, &request));
  int sender = packet_socket(SOCK_RAW, 0);
  T(send_frame(sender, 20, 1));
  tell(s, 0);
  tell(late, 0);
  tell(everywhere, 0);
  close(s), close(late), close(everywhere), close(inet), close(sender);
}

int main(void) {
  own_network();
  names();
  frames();
  bad_frames();
  options();
  counts();
  filtered();
  memberships();
  offloads();
  checksums();
  goes_off();
  return done();
}
