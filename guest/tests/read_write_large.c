// 5 MiB written in odd pieces come back unchanged in other odd pieces.
#include "../include/t.h"

int main(void) {
  size_t size = 5 << 20;
  unsigned char *a = malloc(size), *b = malloc(size);
  for (size_t i = 0; i < size; i++) a[i] = (unsigned char)(i * 31 + i / 4096 * 7);
  int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
  size_t done_ = 0, step = 1;
  while (done_ < size) {
    size_t len = step < size - done_ ? step : size - done_;
    ssize_t n = write(fd, a + done_, len);
    if (n <= 0) return 2;
    done_ += n;
    step = step * 3 + 1;
    if (step > 300000) step = 1;
  }
  lseek(fd, 0, SEEK_SET);
  done_ = 0;
  ssize_t n;
  while ((n = read(fd, b + done_, 65521)) > 0) done_ += n;
  IS(done_ == size);
  IS(memcmp(a, b, size) == 0);
  int bad = 0;
  for (size_t at = 1; at < size; at += 77777) {
    unsigned char c[100];
    size_t len = size - at < 100 ? size - at : 100;
    bad += pread(fd, c, 100, at) != (ssize_t)len || memcmp(c, a + at, len);
  }
  IS(bad == 0);
  T(close(fd));
  return done();
}
