// UDP within the machine, and the newer protocol: addresses, connections of datagrams, who gets what.
#include "../include/inet.h"
#include <netinet/in.h>
#include <poll.h>

#define SA(a) (struct sockaddr *)&(a), sizeof(a)

static int bound(int type, struct sockaddr_in *where) {
  int s = socket(AF_INET, type, 0);
  *where = at("127.0.0.1", 0);
  socklen_t len = sizeof *where;
  if (bind(s, SA(*where)) || getsockname(s, (struct sockaddr *)where, &len)) SAY("not bound: %s", t_error(errno));
  return s;
}

static void say_from(struct sockaddr_in *from, struct sockaddr_in *expected) {
  SAY("%s %d", inet_ntoa(from->sin_addr), from->sin_port == expected->sin_port);
}

int main(void) {
  char buffer[64];
  struct sockaddr_in a, b, c, from;
  socklen_t len;
  int one = 1;

  SAY("to and fro");
  int s = bound(SOCK_DGRAM, &a), t = bound(SOCK_DGRAM, &b);
  T(send(s, "x", 1, 0));
  T(recv(s, buffer, 1, MSG_DONTWAIT));
  T(sendto(t, "hello", 5, 0, SA(a)));
  T(sendto(t, "", 0, 0, SA(a)));
  int waiting = 0;
  T(ioctl(s, FIONREAD, &waiting));
  SAY("%d", waiting);
  len = sizeof from;
  T(recvfrom(s, buffer, 2, MSG_PEEK | MSG_TRUNC, (struct sockaddr *)&from, &len));
  say_from(&from, &b);
  T(recvfrom(s, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &len));
  T(recvfrom(s, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &len));
  SAY("%d", len);

  SAY("connected");
  T(connect(t, SA(a)));
  T(send(t, "1", 1, 0));
  T(recv(s, buffer, sizeof buffer, 0));
  int u = bound(SOCK_DGRAM, &c);
  T(sendto(u, "stranger", 8, 0, SA(b)));
  T(recv(t, buffer, sizeof buffer, MSG_DONTWAIT));
  T(sendto(s, "friend", 6, 0, SA(b)));
  T(recv(t, buffer, sizeof buffer, 0));
  len = sizeof from;
  T(getpeername(t, (struct sockaddr *)&from, &len));
  say_from(&from, &a);
  close(s);
  T(send(t, "2", 1, 0));
  struct pollfd p = {t, POLLIN, 0};
  T(poll(&p, 1, 1000));
  T(send(t, "3", 1, 0));
  T(send(t, "4", 1, 0));
  T(recv(t, buffer, 1, 0));
  struct sockaddr none = {.sa_family = AF_UNSPEC};
  T(connect(t, SA(none)));
  T(send(t, "5", 1, 0));
  T(sendto(t, "6", 1, 0, SA(a)));
  T(recv(t, buffer, 1, MSG_DONTWAIT));
  close(t);

  SAY("what is refused");
  t = socket(AF_INET, SOCK_DGRAM, 0);
  from = at("127.0.0.1", 0);
  T(sendto(t, "x", 1, 0, SA(from)));
  T(sendto(t, "x", 1, 0, (struct sockaddr *)&from, 4));
  from = at("255.255.255.255", 9);
  T(sendto(t, "x", 1, 0, SA(from)));
  static char big[70000];
  T(sendto(t, big, sizeof big, 0, SA(c)));
  T(sendto(t, big, 65507, 0, SA(c)));
  T(listen(t, 1));
  T(accept(t, 0, 0));
  T(shutdown(t, SHUT_RDWR));
  T(bind(t, SA(c)));

  SAY("shared");
  struct sockaddr_in shared;
  int first = socket(AF_INET, SOCK_DGRAM, 0), second = socket(AF_INET, SOCK_DGRAM, 0);
  setsockopt(first, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  setsockopt(second, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  shared = at("127.0.0.1", 0);
  T(bind(first, SA(shared)));
  len = sizeof shared;
  getsockname(first, (struct sockaddr *)&shared, &len);
  T(bind(second, SA(shared)));
  T(sendto(t, "x", 1, 0, SA(shared)));
  struct pollfd both[2] = {{first, POLLIN, 0}, {second, POLLIN, 0}};
  T(poll(both, 2, 1000));

  SAY("the newer protocol");
  int v6 = socket(AF_INET6, SOCK_DGRAM, 0);
  struct sockaddr_in6 any = {.sin6_family = AF_INET6}, own;
  T(bind(v6, SA(any)));
  len = sizeof own;
  T(getsockname(v6, (struct sockaddr *)&own, &len));
  SAY("%d %d", len, own.sin6_family);
  from = at("127.0.0.1", ntohs(own.sin6_port));
  T(sendto(u, "old", 3, 0, SA(from)));
  struct sockaddr_in6 sender;
  len = sizeof sender;
  T(recvfrom(v6, buffer, sizeof buffer, 0, (struct sockaddr *)&sender, &len));
  char text[64];
  SAY("%s %d", inet_ntop(AF_INET6, &sender.sin6_addr, text, sizeof text), sender.sin6_port == c.sin_port);
  T(sendto(v6, "new", 3, 0, SA(sender)));
  T(recv(u, buffer, sizeof buffer, 0));
  T(setsockopt(v6, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one));
  int value = 7;
  len = sizeof value;
  T(getsockopt(v6, IPPROTO_IPV6, IPV6_V6ONLY, &value, &len));
  SAY("%d", value);
  int only = socket(AF_INET6, SOCK_STREAM, 0);
  T(setsockopt(only, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one));
  any.sin6_port = 0;
  T(bind(only, SA(any)));
  T(listen(only, 1));
  len = sizeof own;
  T(getsockname(only, (struct sockaddr *)&own, &len));
  int client = socket(AF_INET, SOCK_STREAM, 0);
  from = at("127.0.0.1", ntohs(own.sin6_port));
  T(connect(client, SA(from)));
  int client6 = socket(AF_INET6, SOCK_STREAM, 0);
  inet_pton(AF_INET6, "::1", &own.sin6_addr);
  T(connect(client6, SA(own)));
  len = sizeof sender;
  int accepted = accept(only, (struct sockaddr *)&sender, &len);
  SAY("%d %s", accepted >= 0, inet_ntop(AF_INET6, &sender.sin6_addr, text, sizeof text));
  int to = socket(AF_INET, SOCK_DGRAM, 0), of = socket(AF_INET, SOCK_DGRAM, 0);
  from = at("127.0.0.1", 0);
  T(bind(to, SA(from)));
  len = sizeof from;
  T(getsockname(to, (struct sockaddr *)&from, &len));
  struct iovec pieces[] = {{"two ", 4}, {"pieces", 6}}, whole = {buffer, sizeof buffer};
  struct msghdr sent = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = pieces, .msg_iovlen = 2};
  struct msghdr got = {.msg_iov = &whole, .msg_iovlen = 1};
  T(sendmsg(of, &sent, 0));
  T(recvmsg(to, &got, 0));
  SAY("flags %d control %zu %.10s", got.msg_flags, got.msg_controllen, buffer);

  SAY("to a group, by an address");
  struct ip_mreq group = {.imr_multiaddr = at("224.1.2.3", 0).sin_addr, .imr_interface = at("127.0.0.1", 0).sin_addr};
  int member = socket(AF_INET, SOCK_DGRAM, 0);
  from = at("0.0.0.0", 0);
  T(bind(member, SA(from)));
  T(setsockopt(member, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group));
  for (int i = 0; i < 4; i++) {
    int speaker = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in own = at("127.0.0.3", 0), by = at("127.0.0.2", 0), where = at("224.1.2.3", port_of(member));
    if (i & 1) T(bind(speaker, SA(own)));
    T(setsockopt(speaker, IPPROTO_IP, IP_MULTICAST_IF, &by.sin_addr, sizeof by.sin_addr));
    if (i & 2) T(connect(speaker, SA(where)));
    len = sizeof from;
    T(getsockname(speaker, (struct sockaddr *)&from, &len));
    SAY("from %s", inet_ntoa(from.sin_addr));
    T(sendto(speaker, "all", 3, 0, SA(where)));
    len = sizeof from;
    T(recvfrom(member, buffer, sizeof buffer, MSG_DONTWAIT, (struct sockaddr *)&from, &len));
    SAY("from %s", inet_ntoa(from.sin_addr));
    close(speaker);
  }
  return 0;
}
