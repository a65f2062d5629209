// Anonymous shared memory and memfd memory work and can be mapped twice.
#include "../include/t.h"

int main(void) {
  char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  IS(p != MAP_FAILED && p[8191] == 0);
  p[8191] = 7;
  IS(p[8191] == 7);
  int fd = memfd_create("name", MFD_CLOEXEC);
  IS(fd >= 0);
  IS(fcntl(fd, F_GETFD) == FD_CLOEXEC);
  T(ftruncate(fd, 8192));
  char *a = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char *b = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  IS(a != b);
  strcpy(a + 5000, "twice");
  SAY("%s", b + 5000);
  T(write(fd, "start", 5));
  SAY("%.5s", b);
  OK(memfd_create("name", 0x8000));
  OK(memfd_create(0, 0));
  return done();
}
