// eventfd counts, blocks, is a semaphore on request, and refuses short buffers and overflow.
#include "../include/t.h"
#include <poll.h>
#include <sys/eventfd.h>

int main(void) {
  uint64_t v = 5;
  int fd = eventfd(3, EFD_NONBLOCK);
  IS(fd >= 0);
  T(read(fd, &v, 8));
  T(v);
  T(read(fd, &v, 8));
  v = 4;
  T(write(fd, &v, 8));
  T(write(fd, &v, 8));
  T(read(fd, &v, 8));
  T(v);
  v = UINT64_MAX;
  T(write(fd, &v, 8));
  v = UINT64_MAX - 1;
  T(write(fd, &v, 8));
  struct pollfd p = {fd, POLLIN | POLLOUT, 0};
  T(poll(&p, 1, 0));
  T(p.revents);
  v = 1;
  T(write(fd, &v, 8));
  T(read(fd, &v, 7));
  T(write(fd, &v, 7));
  T(read(fd, &v, 8));
  int s = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
  T(read(s, &v, 8));
  T(v);
  T(read(s, &v, 8));
  T(read(s, &v, 8));
  T(eventfd(0, 0x4000));
  T(lseek(fd, 0, SEEK_SET));
  T(pread(fd, &v, 8, 0));
  return done();
}
