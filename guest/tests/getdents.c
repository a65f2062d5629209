// A directory lists each name once with its type, also in small buffers, after seeking back, and while it changes.
#include "../include/t.h"
#include <dirent.h>

struct entry { uint64_t ino; int64_t off; unsigned short len; unsigned char type; char name[]; };

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void list(int fd, size_t size) {
  char buffer[4096];
  char *names[600];
  int count = 0;
  long n;
  while ((n = syscall(SYS_getdents64, fd, buffer, size)) > 0)
    for (long at = 0; at < n;) {
      struct entry *e = (void *)(buffer + at);
      char line[300];
      snprintf(line, sizeof line, "%s %d", e->name, e->type);
      names[count++] = strdup(line);
      at += e->len;
    }
  if (n < 0) SAY("%s", t_error(errno));
  qsort(names, count, sizeof *names, by_name);
  for (int i = 0; i < count && i < 12; i++) SAY("  %s", names[i]);
  SAY("%d names", count);
}

int main(void) {
  T(mkdir("d", 0755));
  put("d/file", "");
  T(mkdir("d/dir", 0755));
  T(symlink("x", "d/link"));
  T(mkfifo("d/fifo", 0644));
  int fd = open("d", O_RDONLY);
  list(fd, 4096);
  list(fd, 4096);
  T(lseek(fd, 0, SEEK_SET));
  list(fd, 24);
  T(lseek(fd, 0, SEEK_SET));
  list(fd, 32);
  T(lseek(fd, 0, SEEK_SET));
  list(fd, 10);
  T(syscall(SYS_getdents64, fd, 0, 4096));
  int f = open("d/file", O_RDONLY);
  T(syscall(SYS_getdents64, f, &(char[99]){0}, 99));
  T(syscall(SYS_getdents64, 99, &(char[99]){0}, 99));
  T(mkdir("many", 0755));
  char name[30];
  for (int i = 0; i < 500; i++) {
    sprintf(name, "many/%d", i);
    put(name, "");
  }
  int many = open("many", O_RDONLY);
  list(many, 300);
  DIR *dir = opendir("many");
  int removed = 0;
  for (struct dirent *e; (e = readdir(dir));)
    if (e->d_name[0] != '.') {
      sprintf(name, "many/%s", e->d_name);
      removed += unlink(name) == 0;
    }
  closedir(dir);
  T(removed);
  T(rmdir("many"));
  T(lseek(many, 0, SEEK_SET));
  T(syscall(SYS_getdents64, many, &(char[99]){0}, 99));
  return done();
}
