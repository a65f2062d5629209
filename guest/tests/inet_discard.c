// Bytes of a connection that nobody wants (MSG_TRUNC): they are counted, and not stored.
#include "../include/inet.h"

static char bytes[300000];

int main(void) {
  int client, server;
  connected(&client, &server);
  T(send(client, "hello, world", 12, 0));
  T(recv(server, NULL, 3, MSG_PEEK | MSG_TRUNC));
  T(recv(server, NULL, 5, MSG_TRUNC));
  memset(bytes, '-', 16);
  T(recv(server, bytes, 3, MSG_TRUNC));
  SAY("%.3s", bytes);
  T(recv(server, bytes, 16, 0));
  SAY("%.4s", bytes);
  T(recv(server, NULL, 1 << 21, MSG_TRUNC | MSG_DONTWAIT));
  T(send(client, bytes, 50000, 0));
  usleep(100000);
  T(recv(server, NULL, 40000, MSG_TRUNC | MSG_WAITALL));
  T(recv(server, bytes, sizeof bytes, 0));
  struct iovec pieces[2] = {{bytes, 2}, {bytes + 8, 3}};
  struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
  T(send(client, "abcdefgh", 8, 0));
  usleep(50000);
  memset(bytes, '-', 16);
  T(recvmsg(server, &message, MSG_TRUNC));
  SAY("%.16s, flags %#x", bytes, message.msg_flags);
  T(recv(server, bytes, 16, 0));
  T(recv(server, (void *)8, 3, MSG_TRUNC | MSG_DONTWAIT));
  T(shutdown(client, SHUT_WR));
  usleep(50000);
  T(recv(server, NULL, 3, MSG_TRUNC));
  int pair[2];
  T(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  T(send(pair[0], "local", 5, 0));
  T(recv(pair[1], bytes, 2, MSG_TRUNC));
  T(recv(pair[1], bytes, 16, MSG_TRUNC));
  return 0;
}
