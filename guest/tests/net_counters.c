// What /proc/net/snmp, snmp6 and netstat count of datagrams, connections and messages.
#include "../include/inet.h"
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

static long counter(const char *file, const char *row, const char *name) {
  char path[64], names[8192], values[8192];
  snprintf(path, sizeof path, "/proc/net/%s", file);
  FILE *in = fopen(path, "r");
  size_t len = strlen(row);
  while (in && fgets(names, sizeof names, in) && fgets(values, sizeof values, in)) {
    if (strncmp(names, row, len) || names[len] != ':') continue;
    char *a, *b, *n = strtok_r(names + len + 1, " \n", &a), *v = strtok_r(values + len + 1, " \n", &b);
    for (; n && v; n = strtok_r(0, " \n", &a), v = strtok_r(0, " \n", &b))
      if (!strcmp(n, name)) return fclose(in), atol(v);
  }
  if (in) fclose(in);
  return -1;
}

static long newer(const char *name) {
  char line[128], found[64];
  long value;
  FILE *in = fopen("/proc/net/snmp6", "r");
  while (in && fgets(line, sizeof line, in))
    if (sscanf(line, "%63s %ld", found, &value) == 2 && !strcmp(found, name)) return fclose(in), value;
  if (in) fclose(in);
  return -1;
}

#define SHOW(row, name) SAY("%s%s: %ld", row, name, counter("snmp", row, name) - counter_before(row, name))

static struct { char name[64]; long value; } before[64];
static int known;

static void remember(const char *row, const char *name) {
  snprintf(before[known].name, sizeof before[known].name, "%s%s", row, name);
  before[known++].value = counter("snmp", row, name);
}

static long counter_before(const char *row, const char *name) {
  char whole[64];
  snprintf(whole, sizeof whole, "%s%s", row, name);
  for (int i = 0; i < known; i++)
    if (!strcmp(before[i].name, whole)) return before[i].value;
  return 0;
}

static const char *udp[] = {"InDatagrams", "OutDatagrams", "NoPorts", "RcvbufErrors", 0};
static const char *tcp[] = {"ActiveOpens", "PassiveOpens", "AttemptFails", "CurrEstab", "OutRsts", 0};
static const char *icmp[] = {"InMsgs", "OutMsgs", "InEchos", "InEchoReps", "OutEchos", "OutEchoReps", "InDestUnreachs", "OutDestUnreachs", 0};

static void tell(const char *row, const char **names) {
  for (; *names; names++) SHOW(row, *names);
}

static struct sockaddr_in local(int port) {
  return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void datagrams(void) {
  struct sockaddr_in to = local(7001), closed = local(7002);
  char bytes[100] = {0};
  int in = socket(AF_INET, SOCK_DGRAM, 0), out = socket(AF_INET, SOCK_DGRAM, 0);
  T(bind(in, (void *)&to, sizeof to));
  for (int i = 0; i < 3; i++) sendto(out, bytes, 10, 0, (void *)&to, sizeof to);
  T(recv(in, bytes, sizeof bytes, MSG_PEEK));
  T(recv(in, bytes, sizeof bytes, 0));
  T(recv(in, bytes, sizeof bytes, 0));
  T(sendto(out, bytes, 10, 0, (void *)&closed, sizeof closed));
  tell("Udp", udp);
  tell("Icmp", icmp);
  int least = 1;
  setsockopt(in, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
  for (int i = 0; i < 200; i++) sendto(out, bytes, sizeof bytes, 0, (void *)&to, sizeof to);
  IS(counter("snmp", "Udp", "RcvbufErrors") > counter_before("Udp", "RcvbufErrors"));
  close(in), close(out);
  long sent = newer("Udp6OutDatagrams"), read = newer("Udp6InDatagrams");
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(7003), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  in = socket(AF_INET6, SOCK_DGRAM, 0), out = socket(AF_INET6, SOCK_DGRAM, 0);
  T(bind(in, (void *)&six, sizeof six));
  T(sendto(out, bytes, 5, 0, (void *)&six, sizeof six));
  T(recv(in, bytes, sizeof bytes, 0));
  SAY("Udp6: %ld sent, %ld read", newer("Udp6OutDatagrams") - sent, newer("Udp6InDatagrams") - read);
  close(in), close(out);
}

// UDP-Lite has rows of its own.
static void lite(void) {
  static const char *names[] = {"InDatagrams", "OutDatagrams", "NoPorts", "InErrors", "InCsumErrors", "RcvbufErrors", 0};
  struct sockaddr_in to = local(7006), closed = local(7007);
  char bytes[100] = {0};
  int in = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE), out = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE), all = 20, few = 8;
  T(bind(in, (void *)&to, sizeof to));
  for (int i = 0; i < 3; i++) sendto(out, bytes, 10, 0, (void *)&to, sizeof to);
  T(recv(in, bytes, sizeof bytes, 0));
  T(recv(in, bytes, sizeof bytes, 0));
  T(sendto(out, bytes, 10, 0, (void *)&closed, sizeof closed));
  T(setsockopt(in, IPPROTO_UDPLITE, 11, &all, sizeof all));
  T(setsockopt(out, IPPROTO_UDPLITE, 10, &few, sizeof few));
  T(sendto(out, bytes, 30, 0, (void *)&to, sizeof to));
  tell("UdpLite", names);
  tell("Udp", udp);
  close(in), close(out);
  long sent = newer("UdpLite6OutDatagrams"), read = newer("UdpLite6InDatagrams");
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(7008), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  in = socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE), out = socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE);
  T(bind(in, (void *)&six, sizeof six));
  T(sendto(out, bytes, 5, 0, (void *)&six, sizeof six));
  T(recv(in, bytes, sizeof bytes, 0));
  SAY("UdpLite6: %ld sent, %ld read", newer("UdpLite6OutDatagrams") - sent, newer("UdpLite6InDatagrams") - read);
  close(in), close(out);
}

static void connections(void) {
  struct sockaddr_in to = local(7004), closed = local(7005);
  int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
  T(bind(listener, (void *)&to, sizeof to));
  T(listen(listener, 5));
  T(connect(client, (void *)&to, sizeof to));
  int server = accept(listener, 0, 0);
  T(connect(other, (void *)&closed, sizeof closed));
  tell("Tcp", tcp);
  close(client), close(server);
  SHOW("Tcp", "CurrEstab");
  close(other), close(listener);
}

static void messages(void) {
  struct sockaddr_in to = local(0);
  struct icmphdr echo = {.type = ICMP_ECHO, .un.echo = {.id = htons(7), .sequence = htons(1)}};
  echo.checksum = (uint16_t)~(htons(ICMP_ECHO << 8) + htons(7) + htons(1));
  char bytes[200];
  int raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  T(sendto(raw, &echo, sizeof echo, 0, (void *)&to, sizeof to));
  T(recv(raw, bytes, sizeof bytes, 0));
  T(recv(raw, bytes, sizeof bytes, 0));
  tell("Icmp", icmp);
  close(raw);
}

int main(void) {
  // Nobody else's packets, where that can be had.
  own_network();
  for (const char **name = udp; *name; name++) remember("Udp", *name);
  for (const char **name = tcp; *name; name++) remember("Tcp", *name);
  for (const char **name = icmp; *name; name++) remember("Icmp", *name);
  lite();
  datagrams();
  connections();
  messages();
  IS(counter("netstat", "TcpExt", "ListenOverflows") == 0);
  IS(counter("netstat", "TcpExt", "TCPSynRetrans") == 0);
  IS(counter("netstat", "IpExt", "InOctets") > 0);
  IS(newer("Ip6InReceives") >= 0 && newer("Icmp6InMsgs") >= 0);
  return done();
}
