// The working directory: absolute, short buffers, after fchdir, after its removal.
#include "../include/t.h"

int main(void) {
  char start[4096], b[4096];
  T(getcwd(start, sizeof start) != 0);
  T(mkdir("d", 0755) | mkdir("d/e", 0755));
  T(chdir("d/e"));
  IS(getcwd(b, sizeof b) && strncmp(b, start, strlen(start)) == 0);
  SAY("%s", b + strlen(start));
  long n = syscall(SYS_getcwd, b, sizeof b);
  IS(n == (long)strlen(b) + 1);
  T(syscall(SYS_getcwd, b, 3));
  T(syscall(SYS_getcwd, b, 0));
  T(syscall(SYS_getcwd, (void *)8, 4096));
  T(chdir(".."));
  T(chdir("../d/./e/.."));
  getcwd(b, sizeof b);
  SAY("%s", b + strlen(start));
  int fd = open("e", O_RDONLY);
  T(fchdir(fd));
  T(rmdir("../e"));
  T(syscall(SYS_getcwd, b, sizeof b));
  T(open("x", O_CREAT | O_WRONLY, 0644));
  T(mkdir("x", 0755));
  T(chdir(".."));
  T(chdir("none"));
  put("f", "");
  T(chdir("f"));
  T(chdir(""));
  int f = open("f", O_RDONLY);
  T(fchdir(f));
  T(fchdir(99));
  T(chdir("/"));
  T(chdir("../.."));
  SAY("%s", getcwd(b, sizeof b));
  return done();
}
