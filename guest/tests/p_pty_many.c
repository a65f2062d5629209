// Many pseudo-terminals at once, one after the other, and while others read, write and close them: nothing hangs, numbers are used again.
//: cpus 1 4
#include "../include/pty.h"
#include <pthread.h>

enum { AT_ONCE = 100, ROUNDS = 300 };

static int pair(int *slave) {
  int m = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), zero = 0;
  if (m < 0 || ioctl(m, TIOCSPTLCK, &zero)) return -1;
  *slave = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  return m;
}

static void *reader(void *fd) {
  char b[64];
  while (read((int)(long)fd, b, sizeof b) > 0) {}
  return 0;
}

static void *writer(void *fd) {
  while (write((int)(long)fd, "some bytes\n", 11) > 0) {}
  return 0;
}

static void *rounds(void *result) {
  long bad = 0;
  for (int i = 0; i < ROUNDS / 4; i++) {
    int s, m = pair(&s);
    pthread_t threads[2];
    if (m < 0 || s < 0) { bad++; continue; }
    pthread_create(&threads[0], 0, reader, (void *)(long)s);
    pthread_create(&threads[1], 0, writer, (void *)(long)s);
    char b[200];
    for (int k = 0; k < 3; k++) bad += read(m, b, sizeof b) <= 0;
    bad += write(m, "typed\n", 6) != 6;
    bad += close(m) != 0;
    // Both find that the master is gone.
    for (int k = 0; k < 2; k++) pthread_join(threads[k], 0);
    bad += read(s, b, 1) != 0;
    close(s);
  }
  *(long *)result = bad;
  return 0;
}

int main(void) {
  int masters[AT_ONCE], slaves[AT_ONCE], first = -1, n;
  long different = 0;
  for (int i = 0; i < AT_ONCE; i++) {
    masters[i] = pair(&slaves[i]);
    if (masters[i] < 0 || slaves[i] < 0) SAY("pair %d: %s", i, t_error(errno));
    ioctl(masters[i], TIOCGPTN, &n);
    if (!i) first = n;
    different += i > 0 && n != first;
  }
  T(different);
  for (int i = 0; i < AT_ONCE; i++) {
    char text[8], b[8] = {0};
    snprintf(text, sizeof text, "%d\n", i);
    if (write(masters[i], text, strlen(text)) < 0 || read(slaves[i], b, sizeof b) < 0 || strcmp(text, b)) SAY("%d: got %s", i, b);
  }
  for (int i = 0; i < AT_ONCE; i++) close(slaves[i]), close(masters[i]);
  int again = pair(&n);
  IS(again >= 0);
  SAY("while others read and write");
  pthread_t threads[4];
  long bad[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, rounds, &bad[i]);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
  T(bad[0] + bad[1] + bad[2] + bad[3]);
  return done();
}
