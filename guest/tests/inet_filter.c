// Filters of the internet's sockets (SO_ATTACH_FILTER): what datagrams, streams and those who listen let through, what can be asked of a filter, and programs that choose who of several gets what comes.
//: root
#include "../include/inet.h"
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>

#ifndef SO_DETACH_REUSEPORT_BPF
#define SO_DETACH_REUSEPORT_BPF 68
#endif
#define COUNT(list) (int)(sizeof(list) / sizeof *(list))
#define PROGRAM(list) &(struct sock_fprog){COUNT(list), list}, sizeof(struct sock_fprog)

static struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
static struct sock_filter everything[] = {BPF_STMT(BPF_RET | BPF_K, 0xffffffff)};
// What begins with an x behind a header of eight bytes, and ten bytes of the rest.
static struct sock_filter tens[] = {
  BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'x', 1, 0), BPF_STMT(BPF_RET | BPF_K, 10), BPF_STMT(BPF_RET | BPF_K, 100),
};
// What goes to 127.0.0.2, by the header of the packet.
static struct sock_filter second[] = {
  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_NET_OFF + 16), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x7f000002, 0, 1), BPF_STMT(BPF_RET | BPF_K, 100), BPF_STMT(BPF_RET | BPF_K, 0),
};
// What comes from port 4321.
static struct sock_filter from_port[] = {
  BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4321, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0xffffffff), BPF_STMT(BPF_RET | BPF_K, 0),
};
// Whose first byte says which one.
static struct sock_filter digit[] = {
  BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, '0'), BPF_STMT(BPF_RET | BPF_A, 0),
};
static struct sock_filter one[] = {BPF_STMT(BPF_RET | BPF_K, 1)};
static struct sock_filter cpu[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_CPU), BPF_STMT(BPF_RET | BPF_A, 0)};

static int attach(int fd, int name, const void *program, socklen_t len) { return setsockopt(fd, SOL_SOCKET, name, program, len); }

static int named(int kind, const char *ip, int port) {
  int fd = socket(AF_INET, kind, 0), on = 1;
  struct sockaddr_in where = at(ip, port);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&where, sizeof where)) SAY("bind: %s", t_error(errno));
  return fd;
}

static void to(int fd, const char *ip, int port, const char *text) {
  struct sockaddr_in where = at(ip, port);
  sendto(fd, text, strlen(text), 0, (struct sockaddr *)&where, sizeof where);
}

static const char *came(int fd) {
  static char text[4096];
  ssize_t len = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
  if (len < 0) return t_error(errno);
  text[len] = 0;
  return text;
}

static const char *waited(int fd) {
  struct pollfd p = {fd, POLLIN, 0};
  poll(&p, 1, 30000);
  return came(fd);
}

static void asking(int kind) {
  int fd = socket(AF_INET, kind, 0);
  struct sock_filter got[8] = {0};
  socklen_t len = 8;
  T(attach(fd, SO_DETACH_FILTER, &len, sizeof len));
  T(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, got, &len));
  T(len);
  T(attach(fd, SO_ATTACH_FILTER, PROGRAM(tens)));
  for (len = 0; len < 6; len += 1 + (len == 0)) {
    socklen_t room = len;
    memset(got, 0, sizeof got);
    long result = T(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, got, &room));
    SAY("%d instructions, %s", room, result == 0 && !memcmp(got, tens, sizeof tens) ? "the same" : "others");
  }
  T(attach(fd, SO_ATTACH_FILTER, &(struct sock_fprog){0, tens}, sizeof(struct sock_fprog)));
  T(attach(fd, SO_ATTACH_FILTER, &(struct sock_fprog){1, tens}, sizeof(struct sock_fprog)));
  T(attach(fd, SO_ATTACH_FILTER, &(struct sock_fprog){4, NULL}, sizeof(struct sock_fprog)));
  T(attach(fd, SO_ATTACH_FILTER, &(struct sock_fprog){4, tens}, 8));
  int on = 1, off = 0;
  T(attach(fd, SO_LOCK_FILTER, &on, sizeof on));
  T(attach(fd, SO_LOCK_FILTER, &off, sizeof off));
  T(attach(fd, SO_ATTACH_FILTER, PROGRAM(nothing)));
  T(attach(fd, SO_ATTACH_FILTER, &(struct sock_fprog){4, tens}, 8));
  T(attach(fd, SO_DETACH_FILTER, &on, sizeof on));
  T(attach(fd, SO_ATTACH_REUSEPORT_CBPF, PROGRAM(nothing)));
  len = sizeof on;
  T(getsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &off, &len));
  T(off);
  close(fd);
  fd = socket(AF_INET, kind, 0);
  T(attach(fd, SO_ATTACH_FILTER, PROGRAM(tens)));
  T(attach(fd, SO_DETACH_FILTER, &on, sizeof on));
  T(attach(fd, SO_DETACH_FILTER, &on, sizeof on));
  T(attach(fd, SO_ATTACH_BPF, &on, 2));
  T(attach(fd, SO_ATTACH_REUSEPORT_EBPF, &on, 8));
  close(fd);
}

static void datagrams(void) {
  int own = named(SOCK_DGRAM, "0.0.0.0", 4300), from = named(SOCK_DGRAM, "127.0.0.1", 4321), other = named(SOCK_DGRAM, "127.0.0.1", 4322);
  T(attach(own, SO_ATTACH_FILTER, PROGRAM(nothing)));
  to(from, "127.0.0.1", 4300, "lost");
  SAY("%s", came(own));
  T(attach(own, SO_ATTACH_FILTER, PROGRAM(tens)));
  to(from, "127.0.0.1", 4300, "xwhole");
  SAY("%s", came(own));
  to(from, "127.0.0.1", 4300, "two are left");
  SAY("%s", came(own));
  to(from, "127.0.0.1", 4300, "");
  SAY("%s", came(own));
  T(attach(own, SO_ATTACH_FILTER, PROGRAM(second)));
  to(from, "127.0.0.1", 4300, "first");
  SAY("%s", came(own));
  to(from, "127.0.0.2", 4300, "second");
  SAY("%s", came(own));
  T(attach(own, SO_ATTACH_FILTER, PROGRAM(from_port)));
  to(from, "127.0.0.1", 4300, "from here");
  SAY("%s", came(own));
  to(other, "127.0.0.1", 4300, "from there");
  SAY("%s", came(own));
  int on = 1;
  T(attach(own, SO_DETACH_FILTER, &on, sizeof on));
  to(other, "127.0.0.1", 4300, "from there");
  SAY("%s", came(own));
  close(own);
  close(from);
  close(other);
}

static int connecting(const char *ip, int own, int port) {
  int fd = named(SOCK_STREAM, "127.0.0.1", own);
  struct sockaddr_in where = at(ip, port);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  if (connect(fd, (struct sockaddr *)&where, sizeof where) && errno != EINPROGRESS) SAY("connect: %s", t_error(errno));
  return fd;
}

static bool is_connected(int fd, int patience) {
  struct pollfd p = {fd, POLLOUT, 0};
  return poll(&p, 1, patience) == 1;
}

static void listening(void) {
  int listener = named(SOCK_STREAM, "127.0.0.1", 4310), on = 1;
  T(attach(listener, SO_ATTACH_FILTER, PROGRAM(from_port)));
  T(listen(listener, 8));
  int good = connecting("127.0.0.1", 4321, 4310), bad = connecting("127.0.0.1", 4322, 4310);
  SAY("good %d, bad %d", is_connected(good, 20000), is_connected(bad, 100));
  int got = accept(listener, NULL, NULL);
  T(send(good, "hello", 5, 0));
  SAY("%s", waited(got));
  struct sock_filter instructions[8];
  socklen_t len = 8;
  T(getsockopt(got, SOL_SOCKET, SO_GET_FILTER, instructions, &len));
  T(len);
  // It comes again, and is let in then.
  T(attach(listener, SO_DETACH_FILTER, &on, sizeof on));
  SAY("bad %d", is_connected(bad, 30000));
  close(bad);
  close(good);
  close(got);
  got = accept(listener, NULL, NULL);
  SAY("'%s'", waited(got));
  close(got);
  close(listener);
}

static void streams(void) {
  int listener = named(SOCK_STREAM, "127.0.0.1", 4320), on = 1;
  T(listen(listener, 8));
  int client = connecting("127.0.0.1", 0, 4320);
  int server = accept(listener, NULL, NULL);
  T(attach(server, SO_ATTACH_FILTER, PROGRAM(everything)));
  T(send(client, "one", 3, 0));
  SAY("%s", waited(server));
  T(attach(server, SO_ATTACH_FILTER, PROGRAM(nothing)));
  T(send(client, "two", 3, 0));
  T(send(client, "three", 5, 0));
  usleep(100000);
  SAY("%s", came(server));
  struct pollfd p = {server, POLLIN, 0};
  T(poll(&p, 1, 0));
  T(send(server, "back", 4, 0));
  SAY("%s", waited(client));
  T(shutdown(client, SHUT_WR));
  SAY("%s", came(server));
  T(attach(server, SO_DETACH_FILTER, &on, sizeof on));
  char all[64] = "";
  for (int i = 0; i < 4 && strcmp(all, "twothree"); i++) strcat(all, waited(server));
  SAY("%s", all);
  SAY("'%s'", waited(server));
  close(client);
  close(server);
  // What finds no way fills the sender's buffer.
  client = connecting("127.0.0.1", 0, 4320);
  server = accept(listener, NULL, NULL);
  T(attach(server, SO_ATTACH_FILTER, PROGRAM(nothing)));
  static char much[65536];
  long sum = 0, sent;
  for (int i = 0; i < 1000 && (sent = send(client, much, sizeof much, 0)) > 0; i++) sum += sent;
  SAY("full %d, writable %d", sum > 0 && sent < 0 && errno == EAGAIN, is_connected(client, 0));
  T(attach(server, SO_DETACH_FILTER, &on, sizeof on));
  long got = 0;
  while (got < sum) {
    struct pollfd p = {server, POLLIN, 0};
    if (poll(&p, 1, 30000) < 1 || (sent = recv(server, much, sizeof much, 0)) <= 0) break;
    got += sent;
  }
  SAY("everything came: %d", got == sum);
  close(client);
  close(server);
  close(listener);
}

static void choosing(void) {
  int on = 1, all[3], plain = socket(AF_INET, SOCK_DGRAM, 0);
  T(attach(plain, SO_ATTACH_REUSEPORT_CBPF, PROGRAM(digit)));
  T(attach(plain, SO_DETACH_REUSEPORT_BPF, &on, sizeof on));
  T(setsockopt(plain, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on));
  T(attach(plain, SO_DETACH_REUSEPORT_BPF, &on, sizeof on));
  T(attach(plain, SO_ATTACH_REUSEPORT_CBPF, PROGRAM(digit)));
  T(attach(plain, SO_DETACH_REUSEPORT_BPF, &on, sizeof on));
  T(attach(plain, SO_DETACH_REUSEPORT_BPF, &on, sizeof on));
  close(plain);
  plain = named(SOCK_DGRAM, "127.0.0.1", 4330);
  T(setsockopt(plain, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on));
  T(attach(plain, SO_ATTACH_REUSEPORT_CBPF, PROGRAM(digit)));
  close(plain);
  struct sockaddr_in where = at("127.0.0.1", 4331);
  for (int i = 0; i < 3; i++) {
    all[i] = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(all[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    T(bind(all[i], (struct sockaddr *)&where, sizeof where));
  }
  T(attach(all[1], SO_ATTACH_REUSEPORT_CBPF, PROGRAM(digit)));
  int from = socket(AF_INET, SOCK_DGRAM, 0);
  const char *texts[] = {"0a", "1b", "2c", "1d", "0e"};
  for (int i = 0; i < 5; i++) to(from, "127.0.0.1", 4331, texts[i]);
  for (int i = 0; i < 3; i++) {
    printf("%d:", i);
    for (const char *text; strcmp(text = came(all[i]), "EAGAIN");) printf(" %s", text);
    printf("\n");
  }
  // What it does not choose well goes to anybody.
  to(from, "127.0.0.1", 4331, "7");
  int got = 0;
  for (int i = 0; i < 3; i++) got += !strcmp(came(all[i]), "7");
  SAY("%d got it", got);
  to(from, "127.0.0.1", 4331, "");
  got = 0;
  for (int i = 0; i < 3; i++) got += !*came(all[i]);
  SAY("%d got it", got);
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(0, &set);
  sched_setaffinity(0, sizeof set, &set);
  T(attach(all[0], SO_ATTACH_REUSEPORT_CBPF, PROGRAM(cpu)));
  for (int i = 0; i < 5; i++) to(from, "127.0.0.1", 4331, "here");
  for (int i = 0; i < 5; i++) SAY("%s", came(all[0]));
  T(attach(all[2], SO_DETACH_REUSEPORT_BPF, &on, sizeof on));
  T(attach(all[2], SO_DETACH_REUSEPORT_BPF, &on, sizeof on));
  for (int i = 0; i < 3; i++) close(all[i]);
  // One that is attached before there are others.
  where = at("127.0.0.1", 4332);
  for (int i = 0; i < 2; i++) {
    all[i] = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(all[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (i == 0) T(attach(all[0], SO_ATTACH_REUSEPORT_CBPF, PROGRAM(one)));
    T(bind(all[i], (struct sockaddr *)&where, sizeof where));
  }
  for (int i = 0; i < 3; i++) to(from, "127.0.0.1", 4332, "second");
  for (int i = 0; i < 3; i++) SAY("%s", came(all[1]));
  close(from);
  for (int i = 0; i < 2; i++) close(all[i]);
  // Who listens.
  where = at("127.0.0.1", 4333);
  for (int i = 0; i < 2; i++) {
    all[i] = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(all[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    T(bind(all[i], (struct sockaddr *)&where, sizeof where));
    T(listen(all[i], 8));
  }
  T(attach(all[0], SO_ATTACH_REUSEPORT_CBPF, PROGRAM(one)));
  for (int i = 0; i < 4; i++) {
    int client = connecting("127.0.0.1", 0, 4333), server = accept(all[1], NULL, NULL);
    SAY("accepted %d", server >= 0);
    close(client);
    close(server);
  }
  close(all[0]);
  close(all[1]);
}

int main(void) {
  own_network();
  asking(SOCK_DGRAM);
  asking(SOCK_STREAM);
  datagrams();
  listening();
  streams();
  choosing();
  return done();
}
