// A file open for writing cannot be executed, and a running program cannot be written.
#include "../include/t.h"

int main(void) {
  char path[4096] = {0}, *args[] = {"x", 0};
  readlink("/proc/self/exe", path, sizeof path - 1);
  T(open(path, O_WRONLY));
  T(truncate(path, 0));
  put("f", "#!/bin/true\n");
  chmod("f", 0755);
  int fd = open("f", O_WRONLY);
  T(execve("f", args, args + 1));
  T(close(fd));
  return done();
}
