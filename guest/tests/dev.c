// The devices every program expects: null, zero, full, random, urandom, and the descriptor links.
#include "../include/t.h"
#include <sys/sysmacros.h>

int main(void) {
  char b[100];
  int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR), full = open("/dev/full", O_RDWR);
  T(read(null, b, 10));
  T(write(null, b, 10));
  memset(b, 1, sizeof b);
  T(read(zero, b, 100));
  int sum = 0;
  for (int i = 0; i < 100; i++) sum += b[i];
  T(sum);
  T(write(zero, b, 7));
  T(write(full, b, 1));
  T(write(full, b, 0));
  T(read(full, b, 5));
  int r = open("/dev/urandom", O_RDWR), s = open("/dev/random", O_RDONLY);
  char c[100] = {0};
  T(read(r, b, 100));
  T(read(s, c, 100));
  IS(memcmp(b, c, 100) != 0);
  T(write(r, "seed", 4));
  struct stat st;
  const char *names[] = {"null", "zero", "full", "random", "urandom", "tty"};
  for (int i = 0; i < 6; i++) {
    char path[30];
    sprintf(path, "/dev/%s", names[i]);
    T(stat(path, &st));
    SAY("%s: %o %d:%d", path, st.st_mode, major(st.st_rdev), minor(st.st_rdev));
  }
  int fd = open("f", O_RDWR | O_CREAT, 0644);
  T(write(fd, "abc", 3));
  char path[30];
  sprintf(path, "/dev/fd/%d", fd);
  int again = open(path, O_RDONLY);
  T(read(again, b, 3));
  T(access("/dev/stdin", F_OK));
  T(access("/dev/stdout", F_OK));
  T(access("/dev/stderr", F_OK));
  int out = open("/dev/stdout", O_WRONLY);
  T(write(out, "through /dev/stdout\n", 20));
  char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
  IS(p != MAP_FAILED && p[0] == 0);
  p[0] = 1;
  return done();
}
