// ioctl on things that are no terminal is ENOTTY; the generic requests work.
#include "../include/t.h"
#include <sys/ioctl.h>
#include <termios.h>

int main(void) {
  struct termios t;
  struct winsize w;
  int fd = open("f", O_RDWR | O_CREAT, 0644), null = open("/dev/null", O_RDWR), dir = open(".", O_RDONLY), p[2], n = 1;
  T(pipe(p));
  T(ioctl(fd, TCGETS, &t));
  T(ioctl(null, TCGETS, &t));
  T(ioctl(p[0], TCGETS, &t));
  T(ioctl(dir, TIOCGWINSZ, &w));
  T(ioctl(fd, TIOCGWINSZ, &w));
  T(isatty(fd));
  T(isatty(99));
  T(ioctl(99, TCGETS, &t));
  T(ioctl(p[0], FIONBIO, &n));
  IS(fcntl(p[0], F_GETFL) & O_NONBLOCK);
  n = 0;
  T(ioctl(p[0], FIONBIO, &n));
  IS(!(fcntl(p[0], F_GETFL) & O_NONBLOCK));
  T(ioctl(p[0], FIOCLEX));
  T(fcntl(p[0], F_GETFD));
  T(ioctl(p[0], FIONCLEX));
  T(fcntl(p[0], F_GETFD));
  T(write(fd, "12345", 5));
  T(lseek(fd, 2, SEEK_SET));
  T(ioctl(fd, FIONREAD, &n));
  T(n);
  T(ioctl(fd, 0x12345678, 0));
  T(ioctl(p[0], FIONBIO, 8));
  return done();
}
