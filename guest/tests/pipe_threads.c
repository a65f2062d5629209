// Two threads pass 8 MiB through a pipe in odd pieces; writer and reader block and wake each other.
#include "../include/t.h"
#include <pthread.h>

static int p[2];

static void *writer(void *unused) {
  (void)unused;
  static unsigned char b[70000];
  size_t sent = 0, total = 8 << 20, step = 1;
  while (sent < total) {
    size_t len = step < total - sent ? step : total - sent;
    for (size_t i = 0; i < len; i++) b[i] = (unsigned char)((sent + i) * 17 >> 3);
    if (write(p[1], b, len) != (ssize_t)len) return "short write";
    sent += len;
    step = step * 5 % 69997 + 1;
  }
  close(p[1]);
  return 0;
}

int main(void) {
  pthread_t t;
  T(pipe(p));
  pthread_create(&t, 0, writer, 0);
  static unsigned char b[50000];
  size_t got = 0, bad = 0;
  ssize_t n;
  while ((n = read(p[0], b, 1 + got * 31 % sizeof b)) > 0) {
    for (ssize_t i = 0; i < n; i++) bad += b[i] != (unsigned char)((got + i) * 17 >> 3);
    got += n;
  }
  void *why;
  pthread_join(t, &why);
  IS(why == 0);
  T(n);
  T(got);
  IS(bad == 0);
  return done();
}
