// rename replaces atomically, keeps open files, moves directories, and refuses what cannot be.
#include "../include/t.h"

int main(void) {
  struct stat st;
  put("a", "A"), put("b", "B");
  int b = open("b", O_RDONLY);
  T(rename("a", "b"));
  show("b");
  T(access("a", F_OK));
  char c;
  T(read(b, &c, 1));
  SAY("%c", c);
  T(fstat(b, &st));
  T(st.st_nlink);
  T(rename("none", "x"));
  T(rename("b", "b"));
  T(mkdir("d", 0755));
  T(mkdir("e", 0755));
  T(rename("b", "d"));
  T(rename("d", "b"));
  T(rename("b", "d/b"));
  T(rename("d", "e"));
  T(access("e/b", F_OK));
  T(access("d", F_OK));
  T(mkdir("f", 0755));
  T(rename("f", "e"));
  T(rename("e", "f"));
  T(access("f/b", F_OK));
  T(mkdir("f/g", 0755));
  T(rename("f", "f/g/h"));
  T(rename("f", "f"));
  T(rename("f/g", "f/g/."));
  T(rename("f/.", "z"));
  T(rename("f/b", "f/b/c"));
  T(rename("f/b", "new/"));
  T(rename("f/g", "new/"));
  T(link("f/b", "same"));
  T(rename("same", "f/b"));
  T(access("same", F_OK));
  T(symlink("f", "l"));
  T(rename("l", "m"));
  T(readlink("m", &c, 1));
  T(rename("", "x"));
  T(rename("m", ""));
  return done();
}
