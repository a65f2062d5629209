// Three processes in a row pass a megabyte through two pipes.
#include "../include/t.h"
#include <sys/wait.h>

int main(void) {
  int a[2], b[2], status;
  pipe2(a, O_CLOEXEC), pipe2(b, O_CLOEXEC);
  if (fork() == 0) {
    close(a[0]), close(b[0]), close(b[1]);
    static char block[10000];
    for (int i = 0; i < 100; i++) {
      memset(block, i, sizeof block);
      if (write(a[1], block, sizeof block) != sizeof block) _exit(1);
    }
    _exit(0);
  }
  if (fork() == 0) {
    close(a[1]), close(b[0]);
    static unsigned char block[3000];
    ssize_t n;
    while ((n = read(a[0], block, sizeof block)) > 0) {
      for (ssize_t i = 0; i < n; i++) block[i]++;
      if (write(b[1], block, (size_t)n) != n) _exit(1);
    }
    _exit(0);
  }
  close(a[0]), close(a[1]), close(b[1]);
  static unsigned char block[7000];
  long total = 0, sum = 0;
  ssize_t n;
  while ((n = read(b[0], block, sizeof block)) > 0) {
    total += n;
    for (ssize_t i = 0; i < n; i++) sum += block[i];
  }
  T(total);
  T(sum);
  wait(&status);
  T(status);
  wait(&status);
  T(status);
  return done();
}
