// dup, dup2, dup3 and F_DUPFD share position and flags, choose the right number, and refuse what they must.
#include "../include/t.h"

int main(void) {
  put("f", "0123456789");
  T(open("f", O_RDONLY));
  T(dup(3));
  char c;
  T(read(3, &c, 1));
  T(read(4, &c, 1));
  SAY("%c", c);
  T(dup2(3, 10));
  T(lseek(10, 0, SEEK_CUR));
  T(dup2(3, 3));
  T(dup2(99, 3));
  T(dup2(99, 99));
  T(dup2(3, -1));
  T(dup2(3, 1 << 20));
  T(dup3(3, 11, O_CLOEXEC));
  T(fcntl(11, F_GETFD));
  T(fcntl(10, F_GETFD));
  T(dup3(3, 3, 0));
  T(dup3(3, 12, O_APPEND));
  T(fcntl(3, F_DUPFD, 20));
  T(fcntl(3, F_DUPFD, 20));
  T(fcntl(3, F_DUPFD_CLOEXEC, 0));
  T(fcntl(5, F_GETFD));
  T(fcntl(3, F_DUPFD, -1));
  T(fcntl(3, F_DUPFD, 1 << 20));
  T(close(4));
  T(dup(3));
  T(open("f", O_RDONLY));
  T(read(6, &c, 1));
  SAY("%c", c);
  return done();
}
