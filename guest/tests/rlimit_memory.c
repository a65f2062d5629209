// RLIMIT_AS and RLIMIT_DATA bound mappings; RLIMIT_FSIZE bounds files.
#include "../include/t.h"
#include <sys/resource.h>

int main(void) {
  signal(SIGXFSZ, SIG_IGN);
  int rw = PROT_READ | PROT_WRITE, anon = MAP_PRIVATE | MAP_ANONYMOUS;
  struct rlimit l = {1000, RLIM_INFINITY};
  int fd = open("f", O_RDWR | O_CREAT, 0644);
  static char b[2000];
  T(setrlimit(RLIMIT_FSIZE, &l));
  T(write(fd, b, 600));
  T(write(fd, b, 600));
  T(write(fd, b, 600));
  T(ftruncate(fd, 1001));
  l.rlim_cur = 64 << 20;
  T(setrlimit(RLIMIT_AS, &l));
  OK(mmap(0, 20 << 20, rw, anon, -1, 0));
  OK(mmap(0, 70 << 20, rw, anon, -1, 0));
  OK(mmap(0, 70 << 20, PROT_NONE, anon, -1, 0));
  l.rlim_cur = RLIM_INFINITY;
  T(setrlimit(RLIMIT_AS, &l));
  OK(mmap(0, 70 << 20, rw, anon, -1, 0));
  return done();
}
