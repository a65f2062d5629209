// Directories: creating, link counts, removing, and every way that fails.
#include "../include/t.h"

int main(void) {
  struct stat st;
  T(umask(0) * 0);
  T(mkdir("d", 0751));
  T(stat("d", &st));
  T(st.st_mode);
  T(st.st_nlink);
  T(mkdir("d", 0755));
  T(mkdir("d/sub/", 01777));
  T(stat("d", &st));
  T(st.st_nlink);
  T(stat("d/sub", &st));
  T(st.st_mode);
  T(mkdir("none/x", 0755));
  put("f", "");
  T(mkdir("f", 0755));
  T(mkdir("f/x", 0755));
  T(mkdir("", 0755));
  T(mkdir(".", 0755));
  T(mkdir("/", 0755));
  T(mkdir("d/..", 0755));
  T(rmdir("d"));
  T(rmdir("d/sub/."));
  T(rmdir("d/sub/.."));
  T(rmdir("d/sub"));
  T(rmdir("d/sub"));
  T(rmdir("f"));
  T(rmdir("."));
  T(rmdir(""));
  T(rmdir("/"));
  T(rmdir("d/"));
  T(access("d", F_OK));
  char name[300];
  memset(name, 'n', 299), name[256] = 0;
  T(mkdir(name, 0755));
  name[255] = 0;
  T(mkdir(name, 0755));
  T(rmdir(name));
  char *path = malloc(5000);
  memset(path, '/', 4999), path[4999] = 0;
  T(access(path, F_OK));
  path[4095] = 0;
  T(access(path, F_OK));
  path[4096] = '/';
  return done();
}
