// Sends many frames from each CPU at once, on the first card: senders wait for room, nothing fails, and the card still works afterwards (somebody answers who 10.0.2.2 is).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAMES = 3000 };
static unsigned char own[6];

static int opened(struct sockaddr_ll *to) {
  int fd = socket(AF_PACKET, SOCK_RAW, htons(0x0806));
  struct ifreq request = {.ifr_name = "eth0"};
  if (ioctl(fd, SIOCGIFINDEX, &request)) return perror("SIOCGIFINDEX"), -1;
  *to = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_protocol = htons(0x0806), .sll_ifindex = request.ifr_ifindex};
  if (bind(fd, (struct sockaddr *)to, sizeof *to)) return perror("bind"), -1;
  if (ioctl(fd, SIOCGIFHWADDR, &request)) return perror("SIOCGIFHWADDR"), -1;
  memcpy(own, request.ifr_hwaddr.sa_data, 6);
  return fd;
}

// A frame to everybody: a question by ARP, or for nobody.
static void fill(unsigned char *frame, int protocol) {
  static const unsigned char question[] = {0, 1, 8, 0, 6, 4, 0, 1};
  memset(frame, 0xff, 6);
  memcpy(frame + 6, own, 6);
  frame[12] = protocol >> 8, frame[13] = protocol;
  memcpy(frame + 14, question, sizeof question);
  memcpy(frame + 22, own, 6);
  memcpy(frame + 28, (unsigned char[]){10, 0, 2, 15}, 4);
  memcpy(frame + 38, (unsigned char[]){10, 0, 2, 2}, 4);
}

static void *send_all(void *number) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((long)number, &set);
  if (sched_setaffinity(0, sizeof set, &set)) return "affinity";
  struct sockaddr_ll to;
  int fd = opened(&to);
  if (fd < 0) return "socket";
  unsigned char frame[1514] = {0};
  fill(frame, 0x88b5);
  for (int i = 0; i < FRAMES; i++)
    if (write(fd, frame, sizeof frame) != sizeof frame) return perror("write"), "write";
  close(fd);
  return 0;
}

int main(void) {
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  pthread_t threads[64];
  for (long i = 0; i < cpus; i++) pthread_create(&threads[i], 0, send_all, (void *)i);
  for (long i = 0; i < cpus; i++) {
    void *failed;
    pthread_join(threads[i], &failed);
    if (failed) return printf("CPU %ld: %s\n", i, (char *)failed), 1;
  }
  struct sockaddr_ll to;
  int fd = opened(&to);
  unsigned char frame[60] = {0}, answer[2000];
  fill(frame, 0x0806);
  for (int again = 0; again < 10; again++) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (write(fd, frame, sizeof frame) != sizeof frame) return perror("write"), 1;
    if (poll(&wait, 1, 1000) == 1 && recv(fd, answer, sizeof answer, 0) >= 42 && answer[21] == 2) return printf("%ld CPUs sent\n", cpus), 0;
  }
  return puts("no answer"), 1;
}
