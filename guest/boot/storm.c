// Storms against the server of `stress.c`, from the other side of its card: this program runs on Linux, in a network namespace that the test made, as root.
//
// storm ADDRESS INTERFACE KIND COUNT: says what the kernel's memory was before and after, and whether a client that behaves was served all the while. Kinds are in the table at the end.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef unsigned char byte;

static struct sockaddr_in server = {.sin_family = AF_INET};
static struct sockaddr_ll wire;
static byte own_mac[6], its_mac[6];
static int raw = -1;
static uint64_t seed = 88172645463325252ull;

static uint32_t any(void) {
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return seed >> 16;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *what) {
  printf("%s: %s\n", what, strerror(errno));
  exit(1);
}

// Asks for something and reads the answer to its end; how long it is, -1 if it does not come within some seconds.
static long ask(const char *line, char *into, long room, double patience) {
  struct timeval limit = {.tv_sec = (long)patience};
  int s = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  long got, len = -1;
  if (!connect(s, (void *)&server, sizeof server) && write(s, line, strlen(line)) == (long)strlen(line))
    for (len = 0; (got = read(s, into + len, room - len)); len += got)
      if (got < 0) {
        len = -1;
        break;
      }
  close(s);
  return len;
}

struct memory {
  long free, slab, tcp, orphans, over, pages;
};

static struct memory memory(void) {
  char text[8192] = "";
  struct memory m = {0};
  long len = ask("memory\n", text, sizeof text - 1, 20);
  if (len < 0) fail("memory");
  char *at;
  if ((at = strstr(text, "MemFree:"))) m.free = atol(at + 8);
  if ((at = strstr(text, "Slab:"))) m.slab = atol(at + 5);
  if ((at = strstr(text, "TCP:"))) sscanf(at, "TCP: inuse %ld orphan %ld tw %ld alloc %*d mem %ld", &m.tcp, &m.orphans, &m.over, &m.pages);
  return m;
}

static void show(const char *when, struct memory m) {
  printf("%s: free %ld kB, slab %ld kB, connections %ld, orphans %ld, over %ld, bytes of streams %ld kB\n", when, m.free, m.slab, m.tcp, m.orphans, m.over, m.pages * 4);
  fflush(stdout);
}

// A client that behaves: how long it waited for a small answer.
static double longest;
static long answered, unanswered;

static void behave(void) {
  char text[4096];
  double begin = now();
  if (ask("get 1000\n", text, sizeof text, 10) == 1000) answered++;
  else unanswered++;
  double took = now() - begin;
  if (took > longest) longest = took;
}

// --- frames by hand

static void open_wire(const char *interface) {
  struct ifreq request = {0};
  strncpy(request.ifr_name, interface, sizeof request.ifr_name - 1);
  raw = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  if (raw < 0 || ioctl(raw, SIOCGIFHWADDR, &request)) fail("raw socket");
  memcpy(own_mac, request.ifr_hwaddr.sa_data, 6);
  if (ioctl(raw, SIOCGIFINDEX, &request)) fail("interface");
  wire = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_ifindex = request.ifr_ifindex, .sll_halen = 6};
  behave();
  FILE *table = fopen("/proc/net/arp", "r");
  char line[256], ip[64], own[64];
  inet_ntop(AF_INET, &server.sin_addr, own, sizeof own);
  while (table && fgets(line, sizeof line, table))
    if (sscanf(line, "%63s %*s %*s %hhx:%hhx:%hhx:%hhx:%hhx:%hhx", ip, its_mac, its_mac + 1, its_mac + 2, its_mac + 3, its_mac + 4, its_mac + 5) == 7 && !strcmp(ip, own)) break;
  if (table) fclose(table);
  // Liars are for the server to bear, not for this side.
  char fixed[200];
  snprintf(fixed, sizeof fixed, "ip neigh replace %s dev %s lladdr %02x:%02x:%02x:%02x:%02x:%02x nud permanent", own, interface, its_mac[0], its_mac[1], its_mac[2], its_mac[3], its_mac[4], its_mac[5]);
  if (system(fixed)) fail("neighbour");
}

static uint32_t sum_of(const byte *bytes, int len, uint32_t sum) {
  for (int i = 0; i + 1 < len; i += 2) sum += bytes[i] << 8 | bytes[i + 1];
  if (len & 1) sum += bytes[len - 1] << 8;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

static void put16(byte *at, unsigned value) { at[0] = value >> 8, at[1] = value; }

// An IPv4 packet in a frame around `len` bytes that are at frame + 34 already; how long the frame is.
static int frame_v4(byte *frame, uint32_t from, int protocol, int len, int fragment, int number) {
  memcpy(frame, its_mac, 6), memcpy(frame + 6, own_mac, 6), put16(frame + 12, 0x0800);
  byte *ip = frame + 14;
  memset(ip, 0, 20);
  ip[0] = 0x45, ip[8] = 64, ip[9] = protocol;
  put16(ip + 2, 20 + len), put16(ip + 4, number), put16(ip + 6, fragment);
  from = htonl(from);
  memcpy(ip + 12, &from, 4), memcpy(ip + 16, &server.sin_addr, 4);
  put16(ip + 10, ~sum_of(ip, 20, 0));
  return 34 + len;
}

static void sum_transport(byte *frame, int protocol, int len, int at) {
  put16(frame + 34 + at, 0);
  put16(frame + 34 + at, ~sum_of(frame + 34, len, sum_of(frame + 26, 8, protocol + len)));
}

static void give(const byte *frame, int len) {
  for (int again = 0; sendto(raw, frame, len < 14 ? 14 : len, 0, (void *)&wire, sizeof wire) < 0 && again < 100; again++) usleep(1000);
}

static int tcp_frame(byte *frame, uint32_t from, int port, int flags, int payload) {
  byte *tcp = frame + 34;
  memset(tcp, 0, 24);
  put16(tcp, port), memcpy(tcp + 2, &server.sin_port, 2);
  put16(tcp + 4, any()), put16(tcp + 6, any());
  if (flags & 0x10) put16(tcp + 8, any()), put16(tcp + 10, any());
  tcp[12] = 0x60, tcp[13] = flags, put16(tcp + 14, 64240);
  tcp[20] = 2, tcp[21] = 4, put16(tcp + 22, 1460);
  for (int i = 0; i < payload; i++) tcp[24 + i] = any();
  int len = frame_v4(frame, from, 6, 24 + payload, 0, any());
  sum_transport(frame, 6, 24 + payload, 16);
  return len;
}

// 198.18.0.0/15 is for such tests, and nobody's.
static uint32_t stranger(void) { return 0xc6120000 | (any() & 0x1ffff); }

// Small pauses, so that what is thrown away is not thrown away by the host.
static void flood(long count, int (*make)(byte *frame, long i)) {
  byte frame[2048];
  double begin = now();
  for (long i = 0; i < count; i++) {
    int len = make(frame, i);
    give(frame, len);
    if (i % 64 == 63) usleep(1000);
    if (i % (count / 10 + 1) == count / 10) behave();
  }
  printf("%ld frames in %.1f s\n", count, now() - begin);
}

static int make_syn(byte *frame, long i) {
  (void)i;
  return tcp_frame(frame, stranger(), 1024 + any() % 60000, 2, 0);
}

static int make_segment(byte *frame, long i) {
  (void)i;
  return tcp_frame(frame, any() & 1 ? stranger() : 0x0a570001, any(), any() & 0x3f, any() % 64);
}

static int make_fragment(byte *frame, long i) {
  for (int at = 0; at < 1400; at++) frame[34 + at] = any();
  // The first, the middle or the last of something that never becomes whole.
  return frame_v4(frame, stranger(), 17, 1400, (i % 3 < 2 ? 0x2000 : 0) | (i % 3) * 3000 / 8, any());
}

static int make_datagram(byte *frame, long i) {
  (void)i;
  int len = 8 + any() % 1200;
  byte *udp = frame + 34;
  for (int at = 0; at < len; at++) udp[at] = any();
  put16(udp, any()), put16(udp + 2, any() & 3 ? 80 : any()), put16(udp + 4, len);
  int all = frame_v4(frame, stranger(), 17, len, 0, any());
  sum_transport(frame, 17, len, 6);
  return all;
}

static int make_arp(byte *frame, long i) {
  static const byte head[] = {0, 1, 8, 0, 6, 4, 0};
  memset(frame, 0xff, 6), memcpy(frame + 6, own_mac, 6), put16(frame + 12, 0x0806);
  memcpy(frame + 14, head, 7);
  frame[21] = 1 + (any() & 1);
  byte liar[6] = {2, 0, 0, any(), any(), any()};
  uint32_t ip = htonl(0x0a570000 | (any() & 0xffff));
  // One of a hundred says that it has the server's address.
  if (i % 100 == 0) ip = server.sin_addr.s_addr;
  memcpy(frame + 22, liar, 6), memcpy(frame + 28, &ip, 4), memset(frame + 32, 0, 6), memcpy(frame + 38, &server.sin_addr, 4);
  return 42;
}

// A question, an answer or a router's word of the newer protocol, from anybody.
static int make_discovery(byte *frame, long i) {
  byte *ip = frame + 14, *message = ip + 40, *mac = its_mac;
  byte local[16] = {0xfe, 0x80, [8] = mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]};
  int kind = 134 + i % 3, len = kind == 134 ? 48 : 32;
  memset(frame, 0, 160);
  memcpy(frame, its_mac, 6), memcpy(frame + 6, own_mac, 6), put16(frame + 12, 0x86dd);
  ip[0] = 0x60, put16(ip + 4, len), ip[6] = 58, ip[7] = 255, ip[8] = 0xfe, ip[9] = 0x80;
  for (int at = 8; at < 16; at++) ip[8 + at] = any();
  memcpy(ip + 24, local, 16);
  message[0] = kind;
  if (kind == 134) {
    put16(message + 6, 1800);
    byte *prefix = message + 16;
    prefix[0] = 3, prefix[1] = 4, prefix[2] = 64, prefix[3] = 0xc0, put16(prefix + 6, 3600), put16(prefix + 10, 3600);
    prefix[16] = 0xfd, put16(prefix + 18, any()), put16(prefix + 20, any()), put16(prefix + 22, any());
  } else {
    if (kind == 136) message[4] = 0x60;
    memcpy(message + 8, local, 16), message[24] = kind == 135 ? 1 : 2, message[25] = 1, message[26] = 2;
    for (int at = 27; at < 32; at++) message[at] = any();
  }
  put16(message + 2, ~sum_of(message, len, sum_of(ip + 8, 32, 58 + len)));
  return 54 + len;
}

static int make_garbage(byte *frame, long i) {
  int len = 14 + any() % 1500;
  for (int at = 0; at < len; at++) frame[at] = any();
  if (i % 8) memcpy(frame, its_mac, 6);
  static const uint16_t kinds[] = {0x0800, 0x86dd, 0x0806};
  if (i % 16) put16(frame + 12, kinds[any() % 3]);
  if (i % 2 && len > 40) frame[14] = any() & 1 ? 0x45 : 0x60, memcpy(frame + 30, &server.sin_addr, 4), put16(frame + 16, any() % 1600);
  if (i % 4 == 1 && len > 40) frame[14] = 0x45, put16(frame + 24, 0), put16(frame + 24, ~sum_of(frame + 14, 20, 0));
  return len;
}

static void syn(long count) { flood(count, make_syn); }
static void segments(long count) { flood(count, make_segment); }
static void fragments(long count) { flood(count, make_fragment); }
static void datagrams(long count) { flood(count, make_datagram); }
static void arp(long count) { flood(count, make_arp); }
static void discovery(long count) { flood(count, make_discovery); }
static void garbage(long count) { flood(count, make_garbage); }

// --- clients that do not behave

static int begin(void) {
  int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (s < 0) fail("socket");
  if (connect(s, (void *)&server, sizeof server) && errno != EINPROGRESS) fail("connect");
  return s;
}

static void say(int s, const char *line) {
  struct pollfd wait = {s, POLLOUT, 0};
  if (poll(&wait, 1, 20000) != 1 || write(s, line, strlen(line)) < 0) fail("say");
}

static int *many;

static void connect_many(long count, const char *line) {
  many = calloc(count, sizeof *many);
  int small = 4096;
  for (long i = 0; i < count; i++) {
    many[i] = begin();
    setsockopt(many[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    if (i % 32 == 31)
      for (long j = i - 31; j <= i; j++) say(many[j], line);
  }
  for (long j = count & ~31; j < count; j++) say(many[j], line);
}

static void hold(long count, const char *line, double seconds) {
  double start = now();
  connect_many(count, line);
  printf("%ld connections in %.1f s\n", count, now() - start);
  for (double until = now() + seconds; now() < until; usleep(100000)) behave();
  show("meanwhile", memory());
  for (long i = 0; i < count; i++) close(many[i]);
}

static void slow(long count) { hold(count, "forever\n", 3); }
static void silent(long count) { hold(count, "get 10", 2); }

// Opened, asked for a little, closed by the server; some at a time.
static void churn(long count) {
  enum { SIDE = 64 };
  struct pollfd all[SIDE];
  byte said[SIDE] = {0};
  long begun = 0, done = 0, bad = 0;
  double start = now();
  for (int i = 0; i < SIDE; i++) all[i] = (struct pollfd){begun++ < count ? begin() : -1, POLLOUT, 0}, said[i] = 0;
  while (done < count) {
    if (poll(all, SIDE, 10000) < 1) printf("%ld after %.1f s: ", done, now() - start), fail("nothing comes");
    for (int i = 0; i < SIDE; i++) {
      if (!all[i].revents) continue;
      char bytes[512];
      long got = 1;
      if (!said[i] && all[i].revents & POLLOUT) said[i] = 1, all[i].events = POLLIN, got = write(all[i].fd, "get 100\n", 8);
      else got = read(all[i].fd, bytes, sizeof bytes);
      if (got > 0 || (got < 0 && errno == EAGAIN)) continue;
      bad += got < 0;
      close(all[i].fd);
      done++;
      if (done % (count / 10 + 1) == count / 10) behave();
      all[i] = (struct pollfd){begun < count ? (begun++, begin()) : -1, POLLOUT, 0}, said[i] = 0;
    }
  }
  double took = now() - start;
  printf("%ld connections in %.1f s, %.0f each second, %ld failed\n", count, took, count / took, bad);
}

// From one port, again and again: the server has what is left of the last connection each time.
static void same(long count) {
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(7777)};
  int on = 1;
  char bytes[512];
  for (long i = 0; i < count; i++) {
    struct timeval limit = {.tv_sec = 10};
    int s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (bind(s, (void *)&own, sizeof own)) fail("the same port");
    // Its own last acknowledgement may still be on its way.
    for (int again = 0; connect(s, (void *)&server, sizeof server); again++)
      if (errno == EADDRNOTAVAIL && again < 100) usleep(10000);
      else fail("the same port");
    if (write(s, "get 100\n", 8) != 8 || read(s, bytes, sizeof bytes) != 100 || read(s, bytes, sizeof bytes)) fail("from the same port");
    close(s);
  }
}

// Torn off at any moment: before it is there, before the line, before the answer, in its middle.
static void resets(long count) {
  struct linger at_once = {1, 0};
  for (long i = 0; i < count; i++) {
    int s = begin();
    setsockopt(s, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    if (i % 4 > 0) say(s, i % 4 == 1 ? "ge" : "get 10000000\n");
    if (i % 4 > 1) {
      struct pollfd wait = {s, POLLIN, 0};
      char bytes[65536];
      if (i % 4 == 3 && poll(&wait, 1, 5000) == 1) (void)!read(s, bytes, sizeof bytes);
    }
    close(s);
    if (i % (count / 10 + 1) == count / 10) behave();
  }
}

// A client that behaves, for so many seconds.
static void pause_for(long seconds) {
  for (double until = now() + seconds; now() < until; sleep(1)) behave();
}

static const struct {
  const char *name;
  void (*storm)(long count);
} kinds[] = {{"syn", syn}, {"segments", segments}, {"fragments", fragments}, {"datagrams", datagrams}, {"arp", arp}, {"discovery", discovery}, {"garbage", garbage}, {"slow", slow}, {"silent", silent}, {"churn", churn}, {"same", same}, {"resets", resets}, {"pause", pause_for}};

int main(int argc, char **argv) {
  struct rlimit limit = {60000, 60000};
  setrlimit(RLIMIT_NOFILE, &limit);
  if (argc < 3) return puts("which address, by which interface?"), 1;
  inet_pton(AF_INET, argv[1], &server.sin_addr);
  server.sin_port = htons(80);
  int there = 0;
  for (double until = now() + 30; !there && now() < until; usleep(50000)) {
    char text[16];
    there = ask("get 1\n", text, sizeof text, 2) == 1;
  }
  if (!there) return puts("there is no server"), 1;
  open_wire(argv[2]);
  for (int i = 0; i < 20; i++) behave();
  longest = 0;
  struct memory first = memory();
  show("before", first);
  for (int at = 3; at + 1 < argc; at += 2)
    for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++)
      if (!strcmp(kinds[k].name, argv[at])) {
        printf("--- %s %s\n", argv[at], argv[at + 1]);
        kinds[k].storm(atol(argv[at + 1]));
        show("after", memory());
      }
  // What is left of a connection that is over stays for a minute, and takes less than half a kilobyte.
  struct memory last = memory();
  for (double until = now() + 20; last.free + 2048 + last.over / 2 < first.free && now() < until; last = memory()) sleep(1);
  show("at the end", last);
  int is_back = last.free + 2048 + last.over / 2 >= first.free;
  if (!is_back) puts("memory does not come back");
  printf("a client that behaves was answered %ld times, not answered %ld times, and waited at most %.2f s\n", answered, unanswered, longest);
  char text[64];
  ask("stop\n", text, sizeof text, 5);
  return unanswered > 0 || !is_back;
}
