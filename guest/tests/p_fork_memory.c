// Copy-on-write: parent and child each change their own copy of 16 MiB, and of a private file mapping.
#include "../include/t.h"
#include <sys/wait.h>

#define SIZE (16 << 20)

static int wrong(char *p, char first) {
  int bad = 0;
  for (int i = 0; i < SIZE; i += 4096) bad += p[i] != (char)(first + i / 4096);
  return bad;
}

int main(void) {
  char *p = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < SIZE; i += 4096) p[i] = (char)(i / 4096);
  put("f", "from the file");
  int fd = open("f", O_RDWR), status;
  char *f = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  f[0] = 'F';
  for (int round = 0; round < 3; round++) {
    pid_t child = fork();
    if (child == 0) {
      for (int i = 0; i < SIZE; i += 4096) p[i] = (char)(5 + i / 4096);
      f[1] = 'x';
      _exit(wrong(p, 5) ? 1 : 0);
    }
    for (int i = 0; i < SIZE; i += 8192) p[i] = (char)(i / 4096);
    waitpid(child, &status, 0);
    T(status);
    T(wrong(p, 0));
  }
  SAY("%s", f);
  return done();
}
