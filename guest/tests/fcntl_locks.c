// Record locks of one process: set, query, split, and errors; open file description locks conflict between descriptions.
#include "../include/t.h"
#include <sys/file.h>

static long lock(int fd, int command, int type, long start, long len) {
  struct flock l = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
  long r = fcntl(fd, command, &l);
  return r ? r : command == F_GETLK || command == F_OFD_GETLK ? l.l_type : 0;
}

int main(void) {
  int a = open("f", O_RDWR | O_CREAT, 0644), b = open("f", O_RDWR), ro = open("f", O_RDONLY);
  T(lock(a, F_SETLK, F_WRLCK, 0, 100));
  T(lock(b, F_SETLK, F_WRLCK, 50, 100));
  T(lock(b, F_GETLK, F_WRLCK, 0, 10) == F_UNLCK);
  T(lock(ro, F_SETLK, F_WRLCK, 0, 10));
  T(lock(ro, F_SETLK, F_RDLCK, 0, 10));
  T(lock(a, F_SETLK, 77, 0, 10));
  T(lock(99, F_SETLK, F_WRLCK, 0, 10));
  T(lock(a, F_SETLK, F_WRLCK, -5, 10));
  T(lock(a, F_SETLK, F_UNLCK, 0, 0));
  T(lock(a, F_OFD_SETLK, F_WRLCK, 0, 100));
  T(lock(b, F_OFD_SETLK, F_WRLCK, 50, 100));
  T(lock(b, F_OFD_SETLK, F_WRLCK, 100, 100));
  T(lock(b, F_OFD_GETLK, F_RDLCK, 0, 10) == F_WRLCK);
  T(lock(a, F_OFD_SETLK, F_UNLCK, 0, 100));
  T(lock(b, F_OFD_SETLK, F_WRLCK, 50, 100));
  T(flock(a, LOCK_EX));
  T(flock(b, LOCK_EX | LOCK_NB));
  T(flock(b, LOCK_SH | LOCK_NB));
  T(flock(a, LOCK_UN));
  T(flock(b, LOCK_SH | LOCK_NB));
  T(flock(a, LOCK_SH | LOCK_NB));
  T(flock(a, LOCK_EX | LOCK_NB));
  T(flock(99, LOCK_SH));
  T(flock(a, 77));
  return done();
}
