// What is told of datagrams that arrive nowhere: to raw sockets, which see what comes back, and to who asks for the queue of errors.
#include "../include/inet.h"
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>

#define SA(a) (struct sockaddr *)&(a), sizeof(a)

static char buffer[2048], longest[100000];

static void came(int fd, int family) {
  struct pollfd ready = {fd, POLLIN, 0};
  SAY("%d", poll(&ready, 1, 5000));
  ssize_t len = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
  unsigned char *message = (unsigned char *)buffer + (family == AF_INET ? 20 : 0);
  unsigned char *quoted = message + 8 + (family == AF_INET ? 20 : 40);
  SAY("%zd bytes, message %d %d, quoted port %d: %.4s", len, message[0], message[1], quoted[2] << 8 | quoted[3], quoted + 8);
}

static void error_queue(int fd) {
  char control[256];
  struct sockaddr_storage name;
  struct iovec piece = {buffer, sizeof buffer};
  struct msghdr got = {.msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t len = recvmsg(fd, &got, MSG_ERRQUEUE | MSG_DONTWAIT);
  SAY("%zd bytes", len);
  for (struct cmsghdr *each = len < 0 ? NULL : CMSG_FIRSTHDR(&got); each; each = CMSG_NXTHDR(&got, each)) {
    void *body = CMSG_DATA(each);
    if (each->cmsg_level == SOL_SOCKET) {
      SAY("time: %d", each->cmsg_type == SO_TIMESTAMP);
    } else if (each->cmsg_type == (each->cmsg_level == IPPROTO_IP ? IP_RECVERR : IPV6_RECVERR)) {
      struct sock_extended_err *said = body;
      SAY("%s of %d, %d %d, %u, by %d", t_error(said->ee_errno), said->ee_origin, said->ee_type, said->ee_code, said->ee_info, SO_EE_OFFENDER(said)->sa_family);
    } else {
      printf("%d %d:", each->cmsg_level, each->cmsg_type);
      for (size_t i = 0; i < each->cmsg_len - CMSG_LEN(0); i++) printf(" %d", ((unsigned char *)body)[i]);
      puts("");
    }
  }
}

int main(void) {
  own_network();
  int raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), one = 1;
  int speaker = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in nobody = at("127.0.0.1", 33434);
  T(sendto(speaker, "lost", 4, 0, SA(nobody)));
  came(raw, AF_INET);
  T(connect(speaker, SA(nobody)));
  T(send(speaker, "lost", 4, 0));
  came(raw, AF_INET);
  T(recv(speaker, buffer, sizeof buffer, MSG_DONTWAIT));
  T(setsockopt(speaker, IPPROTO_IP, IP_RECVERR, &one, sizeof one));
  T(send(speaker, "lost", 4, 0));
  error_queue(speaker);
  T(send(speaker, longest, 65536, 0));
  error_queue(speaker);
  // What is told of a datagram that came is told of the message that says that one did not.
  T(setsockopt(speaker, IPPROTO_IP, IP_RECVTTL, &one, sizeof one));
  T(setsockopt(speaker, IPPROTO_IP, IP_RECVTOS, &one, sizeof one));
  T(setsockopt(speaker, IPPROTO_IP, IP_PKTINFO, &one, sizeof one));
  T(setsockopt(speaker, SOL_SOCKET, SO_TIMESTAMP, &one, sizeof one));
  T(send(speaker, "lost", 4, 0));
  error_queue(speaker);
  T(send(speaker, longest, 65536, 0));
  error_queue(speaker);
  int taken = socket(AF_INET, SOCK_DGRAM, 0);
  T(bind(taken, SA(nobody)));
  T(recv(speaker, buffer, sizeof buffer, MSG_DONTWAIT));
  T(send(speaker, "here", 4, 0));
  T(recv(taken, buffer, sizeof buffer, MSG_DONTWAIT));

  int raw6 = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
  int speaker6 = socket(AF_INET6, SOCK_DGRAM, 0);
  struct sockaddr_in6 nobody6 = {.sin6_family = AF_INET6, .sin6_port = htons(33435), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  T(sendto(speaker6, "lost", 4, 0, SA(nobody6)));
  came(raw6, AF_INET6);
  T(setsockopt(speaker6, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof one));
  error_queue(speaker6);
  T(setsockopt(speaker6, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &one, sizeof one));
  T(setsockopt(speaker6, IPPROTO_IPV6, IPV6_RECVTCLASS, &one, sizeof one));
  T(setsockopt(speaker6, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one));
  T(sendto(speaker6, "lost", 4, 0, SA(nobody6)));
  error_queue(speaker6);
  for (int i = 0; i < 3; i++) {
    T(sendto(speaker6, longest, (int[]){65527, 65528, sizeof longest}[i], 0, SA(nobody6)));
    error_queue(speaker6);
  }
  return 0;
}
