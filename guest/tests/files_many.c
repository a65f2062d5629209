// Three thousand files in one directory: made, found, renamed, listed, removed.
#include "../include/t.h"
#include <dirent.h>

int main(void) {
  char a[40], b[40];
  int bad = 0, count = 0;
  for (int i = 0; i < 3000; i++) {
    sprintf(a, "file-%d", i);
    int fd = open(a, O_CREAT | O_EXCL | O_WRONLY, 0644);
    bad += fd < 0 || write(fd, a, strlen(a)) != (ssize_t)strlen(a);
    close(fd);
  }
  for (int i = 0; i < 3000; i += 2) {
    sprintf(a, "file-%d", i), sprintf(b, "renamed-%d", i);
    bad += rename(a, b) != 0;
  }
  DIR *d = opendir(".");
  for (struct dirent *e; (e = readdir(d));) count += e->d_name[0] != '.';
  closedir(d);
  T(count);
  for (int i = 0; i < 3000; i++) {
    sprintf(a, i % 2 ? "file-%d" : "renamed-%d", i);
    struct stat st;
    bad += stat(a, &st) != 0 || st.st_size < 6;
    bad += unlink(a) != 0;
  }
  T(bad);
  return done();
}
