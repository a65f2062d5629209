// O_TMPFILE makes a file without a name; linkat gives it one; O_EXCL forbids that.
#include "../include/t.h"

int main(void) {
  struct stat st;
  T(open(".", O_TMPFILE | O_RDONLY, 0600));
  T(open("none", O_TMPFILE | O_RDWR, 0600));
  T(open(".", O_TMPFILE | O_RDWR, 0600));
  T(fstat(3, &st));
  T(st.st_nlink);
  T(st.st_mode);
  T(write(3, "nameless", 8));
  T(linkat(AT_FDCWD, "/proc/self/fd/3", AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  T(fstat(3, &st));
  T(st.st_nlink);
  show("named");
  T(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600));
  T(linkat(AT_FDCWD, "/proc/self/fd/4", AT_FDCWD, "other", AT_SYMLINK_FOLLOW));
  put("plain", "");
  T(open("plain", O_TMPFILE | O_RDWR, 0600));
  return done();
}
