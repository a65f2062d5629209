// Symbolic links: creation, reading with short buffers, loops, length limits, trailing slashes.
#include "../include/t.h"

int main(void) {
  char b[100] = {0};
  struct stat st;
  T(symlink("target", "l"));
  T(symlink("x", "l"));
  T(symlink("", "e"));
  T(readlink("l", b, 100));
  SAY("%s", b);
  T(readlink("l", b, 3));
  T(readlink("l", b, 0));
  T(lstat("l", &st));
  T(st.st_size);
  T(st.st_mode);
  put("f", "");
  T(readlink("f", b, 100));
  T(readlink(".", b, 100));
  T(readlink("none", b, 100));
  T(symlink("loop", "loop"));
  T(open("loop", O_RDONLY));
  T(stat("loop", &st));
  T(symlink("a2", "a1") | symlink("a1", "a2"));
  T(access("a1", F_OK));
  put("end", "reached");
  char from[20], to[20] = "end";
  for (int i = 0; i < 41; i++) {
    sprintf(from, "c%d", i);
    symlink(to, from);
    strcpy(to, from);
  }
  T(access("c39", F_OK));
  T(access("c40", F_OK));
  T(mkdir("d", 0755));
  T(symlink("d", "dl"));
  T(lstat("dl", &st));
  T(S_ISLNK(st.st_mode));
  T(lstat("dl/", &st));
  T(S_ISDIR(st.st_mode));
  T(rmdir("dl"));
  T(unlink("dl/"));
  T(mkdir("dl", 0755));
  T(mkdir("dl/sub", 0755));
  T(access("d/sub", F_OK));
  char *longer = malloc(5001);
  memset(longer, 'a', 5000), longer[5000] = 0;
  T(symlink(longer, "long"));
  longer[4095] = 0;
  T(symlink(longer, "long"));
  T(readlink("long", longer, 5000));
  return done();
}
