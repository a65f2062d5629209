// Hard links share the file and count; links to directories, over existing names and through symbolic links behave as on Linux.
#include "../include/t.h"

int main(void) {
  struct stat a, b;
  put("f", "shared");
  T(link("f", "g"));
  T(stat("f", &a) | stat("g", &b));
  IS(a.st_ino == b.st_ino && a.st_nlink == 2);
  T(link("f", "g"));
  T(link("none", "x"));
  T(mkdir("d", 0755));
  T(link("d", "x"));
  T(link("f", "d/h"));
  T(link("f", "none/h"));
  T(symlink("f", "s"));
  T(link("s", "t"));
  T(lstat("t", &a));
  IS(S_ISLNK(a.st_mode));
  T(linkat(AT_FDCWD, "s", AT_FDCWD, "u", AT_SYMLINK_FOLLOW));
  T(lstat("u", &a));
  IS(S_ISREG(a.st_mode) && a.st_nlink == 4);
  T(linkat(AT_FDCWD, "s", AT_FDCWD, "v", 0x8));
  T(unlink("f"));
  show("g");
  T(unlink("g") | unlink("d/h"));
  show("u");
  T(unlink("none"));
  T(unlink("d"));
  T(unlink(""));
  T(unlink("u/"));
  return done();
}
