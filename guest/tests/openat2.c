// openat2 checks its structure and keeps a resolution beneath, in a root, without links, without crossing mounts.
#include "../include/t.h"
#include <linux/openat2.h>

static long open2(int dir, const char *path, uint64_t flags, uint64_t resolve) {
  struct open_how how = {.flags = flags, .resolve = resolve};
  long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
  if (fd >= 0) close((int)fd), fd = 0;
  return fd;
}

int main(void) {
  T(mkdir("d", 0755));
  T(mkdir("d/sub", 0755));
  put("d/f", "");
  put("out", "");
  T(symlink("f", "d/link"));
  T(symlink("../out", "d/up"));
  T(symlink("/dev/null", "d/abs"));
  T(symlink("/f", "d/rootf"));
  int d = open("d", O_RDONLY);
  T(open2(d, "f", O_RDONLY, 0));
  T(open2(d, "../out", O_RDONLY, 0));
  T(open2(d, "f", O_RDONLY, RESOLVE_BENEATH));
  T(open2(d, "sub/../f", O_RDONLY, RESOLVE_BENEATH));
  T(open2(d, "../out", O_RDONLY, RESOLVE_BENEATH));
  T(open2(d, "up", O_RDONLY, RESOLVE_BENEATH));
  T(open2(d, "abs", O_RDONLY, RESOLVE_BENEATH));
  T(open2(d, "/dev/null", O_RDONLY, RESOLVE_BENEATH));
  T(open2(d, "link", O_RDONLY, RESOLVE_BENEATH));
  T(open2(d, "/f", O_RDONLY, RESOLVE_IN_ROOT));
  T(open2(d, "rootf", O_RDONLY, RESOLVE_IN_ROOT));
  T(open2(d, "../../../f", O_RDONLY, RESOLVE_IN_ROOT));
  T(open2(d, "up", O_RDONLY, RESOLVE_IN_ROOT));
  T(open2(d, "link", O_RDONLY, RESOLVE_NO_SYMLINKS));
  T(open2(d, "f", O_RDONLY, RESOLVE_NO_SYMLINKS));
  T(open2(d, "/proc/self/fd/0", O_RDONLY, RESOLVE_NO_MAGICLINKS));
  T(open2(d, "/dev/null", O_RDONLY, RESOLVE_NO_XDEV));
  T(open2(d, "f", O_RDONLY, RESOLVE_NO_XDEV));
  T(open2(d, "f", O_RDONLY, RESOLVE_IN_ROOT | RESOLVE_BENEATH));
  T(open2(d, "f", O_RDONLY, 0x8000));
  T(open2(d, "f", O_RDONLY | 0x80000000, 0));
  T(open2(d, "f", O_RDONLY | (1ull << 40), 0));
  struct open_how how = {.flags = O_RDONLY, .mode = 0600};
  T(syscall(SYS_openat2, d, "f", &how, sizeof how));
  how.mode = 0;
  T(syscall(SYS_openat2, d, "f", &how, 8));
  char larger[64] = {0};
  T(syscall(SYS_openat2, d, "f", larger, 64));
  T(close(4));
  larger[40] = 1;
  T(syscall(SYS_openat2, d, "f", larger, 64));
  T(syscall(SYS_openat2, d, "f", larger, 100000));
  T(syscall(SYS_openat2, d, "f", 0, sizeof how));
  how = (struct open_how){.flags = O_CREAT | O_WRONLY, .mode = 0x10000};
  T(syscall(SYS_openat2, d, "n", &how, sizeof how));
  return done();
}
