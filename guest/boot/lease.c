// Waits until the machine has a certain address (the first argument), then sends a datagram to another machine (the second) and waits for its answer.
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 3) return puts("which address, and to whom?"), 1;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)}, own;
  inet_pton(AF_INET, argv[2], &to.sin_addr);
  for (time_t end = time(0) + 60; time(0) < end; usleep(50000)) {
    char text[64] = "", answer[64];
    socklen_t len = sizeof own;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (!connect(fd, (void *)&to, sizeof to) && !getsockname(fd, (void *)&own, &len)) inet_ntop(AF_INET, &own.sin_addr, text, sizeof text);
    if (!strcmp(text, argv[1]) && send(fd, "here", 4, 0) == 4 && poll(&wait, 1, 2000) == 1 && recv(fd, answer, sizeof answer, 0) == 4)
      return printf("%s is there\n", text), 0;
    close(fd);
  }
  return puts("there is no such address"), 1;
}
