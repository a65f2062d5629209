// Asks by ARP who 10.0.2.2 is (the host, in QEMU's user network), on the first card, with a raw packet socket; then again with a datagram one.
#include <arpa/inet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct arp { unsigned char hardware[2], protocol[2], sizes[2], what[2], from[6], from_ip[4], to[6], to_ip[4]; };
static const unsigned char everybody[6] = {255, 255, 255, 255, 255, 255};

static int ask(int kind) {
  int fd = socket(AF_PACKET, kind, htons(0x0806));
  if (fd < 0) return perror("socket"), 1;
  struct ifreq request = {0};
  strcpy(request.ifr_name, "eth0");
  if (ioctl(fd, SIOCGIFINDEX, &request)) return perror("SIOCGIFINDEX"), 1;
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(0x0806), .sll_ifindex = request.ifr_ifindex, .sll_halen = 6};
  if (bind(fd, (struct sockaddr *)&to, sizeof to)) return perror("bind"), 1;
  if (ioctl(fd, SIOCGIFHWADDR, &request)) return perror("SIOCGIFHWADDR"), 1;

  struct arp arp = {{0, 1}, {8, 0}, {6, 4}, {0, 1}, {0}, {10, 0, 2, 15}, {0}, {10, 0, 2, 2}};
  memcpy(arp.from, request.ifr_hwaddr.sa_data, 6);
  memcpy(to.sll_addr, everybody, 6);
  unsigned char frame[60] = {0}, *body = frame;
  size_t length = sizeof arp;
  if (kind == SOCK_RAW) {
    memcpy(frame, everybody, 6);
    memcpy(frame + 6, arp.from, 6);
    frame[12] = 8, frame[13] = 6;
    body += 14, length = sizeof frame;
  }
  memcpy(body, &arp, sizeof arp);
  if (sendto(fd, frame, length, 0, (struct sockaddr *)&to, sizeof to) != (ssize_t)length) return perror("sendto"), 1;

  struct pollfd wait = {.fd = fd, .events = POLLIN};
  if (poll(&wait, 1, 10000) != 1) return puts("no answer"), 1;
  unsigned char answer[2000];
  struct sockaddr_ll from;
  socklen_t room = sizeof from;
  ssize_t got = recvfrom(fd, answer, sizeof answer, 0, (struct sockaddr *)&from, &room);
  struct arp *said = (struct arp *)(answer + (kind == SOCK_RAW ? 14 : 0));
  if (got < (ssize_t)length || said->what[1] != 2 || memcmp(said->from_ip, arp.to_ip, 4)) return puts("a strange answer"), 1;
  printf("%s: %d.%d.%d.%d is at %02x:%02x:%02x:%02x:%02x:%02x, %s, from %02x:%02x, protocol %04x\n", kind == SOCK_RAW ? "raw" : "datagram",
         said->from_ip[0], said->from_ip[1], said->from_ip[2], said->from_ip[3], said->from[0], said->from[1], said->from[2], said->from[3],
         said->from[4], said->from[5], from.sll_pkttype ? "not to us" : "to us", from.sll_addr[0], from.sll_addr[1], ntohs(from.sll_protocol));
  return close(fd);
}

int main(void) {
  int failed = ask(SOCK_RAW) | ask(SOCK_DGRAM);
  puts(failed ? "failed" : "frames came and went");
  return failed;
}
