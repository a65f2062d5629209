// Listens on a port of all addresses, accepts nobody, and runs a command meanwhile (`listen PORT BACKLOG COMMAND ARGUMENT…`).
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words) {
  if (count < 4) return 2;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, status = 0;
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(words[1]))};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (void *)&any, sizeof any) || listen(fd, atoi(words[2]))) {
    perror("listen");
    return 1;
  }
  pid_t child = fork();
  if (!child) {
    execvp(words[3], words + 3);
    perror(words[3]);
    _exit(127);
  }
  waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}
