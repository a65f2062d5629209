// Opens sockets of every kind, then runs a command with them open (`sockets COMMAND ARGUMENT…`).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int made(int family, int kind, const char *ip, int port, int listens) {
  int fd = socket(family, kind | SOCK_CLOEXEC, 0), on = 1;
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  inet_pton(family, ip, family == AF_INET ? (void *)&four.sin_addr : &six.sin6_addr);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET ? bind(fd, (void *)&four, sizeof four) : bind(fd, (void *)&six, sizeof six)) perror("bind");
  if (listens && listen(fd, listens)) perror("listen");
  return fd;
}

int main(int count, char **words) {
  int server = made(AF_INET, SOCK_STREAM, "127.0.0.1", 8080, 7);
  made(AF_INET6, SOCK_STREAM, "::", 8081, 5);
  made(AF_INET, SOCK_DGRAM, "0.0.0.0", 5353, 0);
  made(AF_INET6, SOCK_DGRAM, "::1", 5354, 0);
  if (setsockopt(made(AF_INET, SOCK_DGRAM, "0.0.0.0", 5355, 0), SOL_SOCKET, SO_BINDTODEVICE, "lo", 2)) perror("lo");
  int client = made(AF_INET, SOCK_STREAM, "127.0.0.1", 40000, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(8080), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  if (connect(client, (void *)&to, sizeof to)) perror("connect");
  int accepted = accept4(server, 0, 0, SOCK_CLOEXEC), pair[2];
  if (write(client, "hello", 5) != 5) perror("write");
  char directory[] = "/tmp/socketsXXXXXX";
  if (!mkdtemp(directory) || chdir(directory)) perror(directory);
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "./a.socket"};
  int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(local, (void *)&name, sizeof name) || listen(local, 3)) perror("local");
  struct sockaddr_un abstract = {.sun_family = AF_UNIX, .sun_path = "\0nameless"};
  int datagrams = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (bind(datagrams, (void *)&abstract, offsetof(struct sockaddr_un, sun_path) + 9)) perror("abstract");
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) perror("pair");
  pid_t child = count > 1 ? fork() : 0;
  if (count > 1 && !child) {
    execvp(words[1], words + 1);
    perror(words[1]);
    _exit(127);
  }
  int status = 0;
  if (child > 0) waitpid(child, &status, 0);
  unlink("a.socket");
  rmdir(directory);
  return accepted < 0 ? 1 : WEXITSTATUS(status);
}
