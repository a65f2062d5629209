// openat and its relatives resolve relative to a directory, absolute paths ignore it, and bad directories are told apart.
#include "../include/t.h"

int main(void) {
  struct stat st;
  T(mkdir("d", 0755));
  put("d/f", "in d");
  put("f", "here");
  int d = open("d", O_RDONLY), f = open("f", O_RDONLY);
  T(openat(d, "f", O_RDONLY));
  char b[5] = {0};
  T(read(5, b, 4));
  SAY("%s", b);
  T(close(5));
  T(openat(d, "../f", O_RDONLY));
  T(close(5));
  T(openat(d, "/dev/null", O_RDONLY));
  T(close(5));
  T(openat(99, "/dev/null", O_RDONLY));
  T(close(5));
  T(openat(99, "f", O_RDONLY));
  T(openat(f, "f", O_RDONLY));
  T(openat(AT_FDCWD, "f", O_RDONLY));
  T(close(5));
  T(openat(-1, "f", O_RDONLY));
  T(mkdirat(d, "sub", 0700));
  T(symlinkat("f", d, "link"));
  T(fstatat(d, "link", &st, 0));
  IS(S_ISREG(st.st_mode));
  T(fstatat(d, "link", &st, AT_SYMLINK_NOFOLLOW));
  IS(S_ISLNK(st.st_mode));
  T(linkat(d, "f", AT_FDCWD, "f2", 0));
  T(renameat(AT_FDCWD, "f2", d, "f3"));
  T(unlinkat(d, "f3", 0));
  T(unlinkat(d, "sub", 0));
  T(unlinkat(d, "sub", AT_REMOVEDIR));
  T(unlinkat(d, "f", AT_REMOVEDIR));
  T(unlinkat(d, "f", 0x1));
  T(faccessat(d, "f", R_OK, 0));
  T(fchmodat(d, "f", 0600, 0));
  T(fstatat(d, "", &st, 0));
  T(fstatat(f, "", &st, AT_EMPTY_PATH));
  T(fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH));
  IS(S_ISDIR(st.st_mode));
  T(fstatat(d, "f", &st, 0x10));
  T(rmdir("d"));
  T(unlinkat(d, "link", 0));
  T(unlinkat(d, "f", 0));
  T(rmdir("d"));
  T(openat(d, "new", O_CREAT | O_WRONLY, 0600));
  T(openat(d, ".", O_RDONLY));
  return done();
}
