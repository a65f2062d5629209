// Extended attributes of the user's and the trusted namespace: set, get, list, remove, with Linux's errors.
//: root
#include "../include/t.h"
#include <sys/xattr.h>

int main(void) {
  char b[100] = {0};
  put("f", "");
  T(setxattr("f", "trusted.one", "value", 5, 0));
  T(getxattr("f", "trusted.one", b, 100));
  SAY("%s", b);
  T(getxattr("f", "trusted.one", 0, 0));
  T(getxattr("f", "trusted.one", b, 2));
  T(setxattr("f", "trusted.one", "v", 1, XATTR_CREATE));
  T(setxattr("f", "trusted.two", "v", 1, XATTR_REPLACE));
  T(setxattr("f", "trusted.two", "", 0, XATTR_CREATE));
  T(getxattr("f", "trusted.two", b, 100));
  T(listxattr("f", b, 100));
  T(listxattr("f", 0, 0));
  T(listxattr("f", b, 3));
  T(removexattr("f", "trusted.one"));
  T(removexattr("f", "trusted.one"));
  T(getxattr("f", "trusted.one", b, 100));
  T(getxattr("f", "nonsense", b, 100));
  T(setxattr("f", "nonsense.x", "v", 1, 0));
  T(getxattr("none", "trusted.one", b, 100));
  T(symlink("f", "l"));
  T(getxattr("l", "trusted.two", b, 100));
  T(lgetxattr("l", "trusted.two", b, 100));
  int fd = open("f", O_RDWR);
  T(fsetxattr(fd, "trusted.three", "3", 1, 0));
  T(fgetxattr(fd, "trusted.three", b, 100));
  T(fgetxattr(99, "trusted.three", b, 100));
  return done();
}
