// chmod, fchmod, chown and lchown change what they say, and clear the set-id bits when they must.
//: root
#include "../include/t.h"

static void mode(const char *path) {
  struct stat st;
  if (lstat(path, &st)) SAY("%s: %s", path, t_error(errno));
  else SAY("%s: %o %d %d", path, st.st_mode, st.st_uid, st.st_gid);
}

int main(void) {
  put("f", "");
  T(chmod("f", 04755));
  mode("f");
  T(chown("f", 1000, 2000));
  mode("f");
  T(chmod("f", 06711));
  T(chown("f", -1, -1));
  mode("f");
  T(chmod("f", 0170777));
  mode("f");
  int fd = open("f", O_RDWR);
  T(fchmod(fd, 0640));
  T(fchown(fd, 5, -1));
  mode("f");
  T(symlink("f", "l"));
  T(lchown("l", 7, 8));
  mode("l"), mode("f");
  T(chmod("l", 0600));
  mode("f");
  T(fchownat(AT_FDCWD, "l", 1, 1, AT_SYMLINK_NOFOLLOW));
  T(fchownat(fd, "", 3, 3, AT_EMPTY_PATH));
  mode("l"), mode("f");
  T(fchownat(AT_FDCWD, "f", 1, 1, 0x1));
  T(chmod("none", 0600));
  T(fchmod(99, 0600));
  T(chown("none", 0, 0));
  T(chmod("f", 06777));
  T(write(fd, "x", 1));
  mode("f");
  T(mkdir("d", 02755));
  mode("d");
  T(chown("d", 0, 500));
  T(chmod("d", 02775));
  put("d/inherits", "");
  T(mkdir("d/sub", 0755));
  mode("d/inherits"), mode("d/sub");
  return done();
}
