// A named pipe: opening waits for the other side, non-blocking opening does not.
#include "../include/t.h"
#include <pthread.h>

static void *other(void *unused) {
  (void)unused;
  int fd = open("fifo", O_WRONLY);
  write(fd, "through a name", 14);
  close(fd);
  return 0;
}

int main(void) {
  pthread_t t;
  char b[30] = {0};
  T(mkfifo("fifo", 0644));
  T(mkfifo("fifo", 0644));
  T(open("fifo", O_WRONLY | O_NONBLOCK));
  OK(open("fifo", O_RDONLY | O_NONBLOCK));
  T(read(3, b, 10));
  T(close(3));
  pthread_create(&t, 0, other, 0);
  int fd = open("fifo", O_RDONLY);
  IS(fd >= 0);
  T(read(fd, b, 30));
  SAY("%s", b);
  pthread_join(t, 0);
  T(read(fd, b, 30));
  T(close(fd));
  OK(open("fifo", O_RDWR));
  T(write(3, "self", 4));
  T(read(3, b, 4));
  return done();
}
