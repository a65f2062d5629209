// fcntl reads and changes flags: status flags are shared by duplicates, descriptor flags are not.
#include "../include/t.h"

int main(void) {
  int fd = open("f", O_RDWR | O_CREAT | O_APPEND, 0644), two = dup(fd);
  IS((fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND)) == (O_RDWR | O_APPEND));
  T(fcntl(fd, F_SETFL, O_NONBLOCK));
  IS((fcntl(two, F_GETFL) & (O_NONBLOCK | O_APPEND)) == O_NONBLOCK);
  T(fcntl(fd, F_SETFL, O_WRONLY | O_APPEND));
  IS((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
  T(fcntl(fd, F_SETFD, FD_CLOEXEC));
  T(fcntl(fd, F_GETFD));
  T(fcntl(two, F_GETFD));
  T(fcntl(fd, F_SETFD, 0));
  T(fcntl(fd, F_GETFD));
  T(fcntl(99, F_GETFL));
  T(fcntl(99, F_SETFD, 1));
  T(fcntl(fd, 9999));
  T(fcntl(fd, F_GETOWN));
  T(fcntl(fd, F_NOTIFY, DN_MULTISHOT));
  int here = open(".", O_RDONLY);
  T(fcntl(here, F_NOTIFY, DN_MULTISHOT));
  T(fcntl(here, F_NOTIFY, 0));
  close(here);
  int p[2];
  T(pipe2(p, O_NONBLOCK | O_CLOEXEC));
  IS(fcntl(p[0], F_GETFL) == (O_RDONLY | O_NONBLOCK));
  IS(fcntl(p[1], F_GETFL) == (O_WRONLY | O_NONBLOCK));
  T(fcntl(p[0], F_GETPIPE_SZ));
  T(fcntl(p[0], F_SETPIPE_SZ, 4096));
  T(fcntl(p[1], F_GETPIPE_SZ));
  T(fcntl(p[0], F_SETPIPE_SZ, 5000));
  T(fcntl(fd, F_GETPIPE_SZ));
  return done();
}
