// access for the superuser: everything but executing what nobody may execute.
//: root
#include "../include/t.h"

int main(void) {
  put("f", "");
  T(chmod("f", 0));
  T(access("f", F_OK));
  T(access("f", R_OK | W_OK));
  T(access("f", X_OK));
  T(chmod("f", 0001));
  T(access("f", X_OK));
  T(access("f", 8));
  T(access("none", F_OK));
  T(access("f/x", F_OK));
  T(mkdir("d", 0));
  T(access("d", R_OK | W_OK | X_OK));
  T(faccessat(AT_FDCWD, "f", X_OK, AT_EACCESS));
  T(syscall(SYS_faccessat2, AT_FDCWD, "f", X_OK, 0x1));
  int fd = open("f", O_RDONLY);
  T(syscall(SYS_faccessat2, fd, "", R_OK, AT_EMPTY_PATH));
  T(symlink("none", "dangling"));
  T(access("dangling", F_OK));
  T(faccessat(AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW));
  return done();
}
