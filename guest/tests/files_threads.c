// Eight threads create, write, read, rename and remove files in one directory at once.
#include "../include/t.h"
#include <pthread.h>

static int bad;

static void *work(void *arg) {
  long me = (long)arg;
  for (int i = 0; i < 300; i++) {
    char a[40], b[40], back[40] = {0};
    sprintf(a, "a-%ld-%d", me, i % 7), sprintf(b, "b-%ld-%d", me, i % 5);
    int fd = open(a, O_RDWR | O_CREAT | O_TRUNC, 0644);
    bool fine = fd >= 0 && write(fd, b, strlen(b)) == (ssize_t)strlen(b) && pread(fd, back, 39, 0) == (ssize_t)strlen(b) && strcmp(b, back) == 0;
    close(fd);
    fine &= rename(a, b) == 0 && access(a, F_OK) != 0 && unlink(b) == 0;
    if (!fine) __atomic_add_fetch(&bad, 1, __ATOMIC_RELAXED);
  }
  return 0;
}

int main(void) {
  pthread_t t[8];
  for (long i = 0; i < 8; i++) pthread_create(&t[i], 0, work, (void *)i);
  for (int i = 0; i < 8; i++) pthread_join(t[i], 0);
  T(bad);
  return done();
}
