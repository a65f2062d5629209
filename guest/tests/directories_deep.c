// A path of a thousand directories, made and removed step by step.
#include "../include/t.h"

int main(void) {
  int made = 0, removed = 0;
  for (int i = 0; i < 1000; i++) made += mkdir("directory", 0755) == 0 && chdir("directory") == 0;
  T(made);
  char path[5000];
  T(syscall(SYS_getcwd, path, 4096));
  put("bottom", "here");
  show("bottom");
  T(unlink("bottom"));
  for (int i = 0; i < 1000; i++) removed += chdir("..") == 0 && rmdir("directory") == 0;
  T(removed);
  return done();
}
