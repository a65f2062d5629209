// Opening a fifo waits for the other side, even for one that has written and gone before the opener has run again.
//: cpus 2
#include "../include/t.h"
#include <sys/wait.h>

int main(void) {
  int whole = 0, empty = 0, ended = 0;
  for (int i = 0; i < 300; i++) {
    mkfifo("f", 0600);
    pid_t pid = fork();
    if (!pid) {
      int fd = open("f", i % 2 ? O_WRONLY : O_RDONLY);
      char c[8];
      int n = i % 2 ? write(fd, "through", 7) : read(fd, c, 7);
      close(fd);
      _exit(n == 7 ? 0 : 1);
    }
    int fd = open("f", i % 2 ? O_RDONLY : O_WRONLY), status;
    char c[8];
    if (i % 2) {
      if (read(fd, c, 7) == 7) whole++;
      if (read(fd, c, 7) == 0) empty++;
    } else if (write(fd, "through", 7) == 7) {
      whole++;
    }
    close(fd);
    unlink("f");
    waitpid(pid, &status, 0);
    ended += status == 0;
  }
  SAY("%d %d %d", whole, empty, ended);
  return done();
}
