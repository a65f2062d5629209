// Sends something to a host and ends at once: what was sent has to arrive all the same, and the end has to be heard.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MUCH = 2000000, DATAGRAMS = 20 };

static struct sockaddr_storage to;
static socklen_t to_len;

static void address(const char *host, int port) {
  struct sockaddr_in *older = (void *)&to;
  struct sockaddr_in6 *newer = (void *)&to;
  memset(&to, 0, sizeof to);
  if (inet_pton(AF_INET, host, &older->sin_addr) == 1) {
    older->sin_family = AF_INET, older->sin_port = htons(port), to_len = sizeof *older;
  } else {
    inet_pton(AF_INET6, host, &newer->sin6_addr);
    newer->sin6_family = AF_INET6, newer->sin6_port = htons(port), to_len = sizeof *newer;
  }
}

static int made(int type) {
  int fd = socket(to.ss_family, type, 0);
  if (fd < 0 || (type == SOCK_STREAM && connect(fd, (void *)&to, to_len))) perror("no connection"), exit(1);
  return fd;
}

static char bytes[MUCH];

int main(int count, char **words) {
  if (count != 3) return 2;
  if (!strcmp(words[1], "stream")) {
    address(words[2], 9001);
    int fd = made(SOCK_STREAM), room = MUCH;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    if (write(fd, bytes, MUCH) != MUCH) perror("not all"), exit(1);
  } else if (!strcmp(words[1], "datagrams")) {
    address(words[2], 9002);
    int fd = made(SOCK_DGRAM);
    for (int i = 0; i < DATAGRAMS; i++)
      if (sendto(fd, bytes, 1000, 0, (void *)&to, to_len) != 1000) perror("not sent"), exit(1);
  } else {
    // The connection is that of somebody else, who would hold it for ever.
    int ready[2];
    char byte;
    address(words[2], 9003);
    if (pipe(ready)) return 1;
    if (!fork()) {
      made(SOCK_STREAM);
      if (write(ready[1], "", 1) != 1) return 1;
      for (;;) pause();
    }
    if (read(ready[0], &byte, 1) != 1) return 1;
  }
  _exit(5);
}
