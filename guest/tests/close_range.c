// close_range closes or marks a range of descriptors and refuses a backward one.
#include "../include/t.h"

static void open_ones(void) {
  for (int i = 3; i < 20; i++)
    if (fcntl(i, F_GETFD) >= 0) printf("%d%s ", i, fcntl(i, F_GETFD) ? "e" : "");
  putchar('\n');
}

int main(void) {
  // Whatever was inherited.
  close_range(3, ~0u, 0);
  for (int i = 3; i < 15; i++) open("/dev/null", O_RDONLY);
  open_ones();
  T(close_range(4, 6, 0));
  open_ones();
  T(close_range(8, 9, 4));
  open_ones();
  T(close_range(10, 9, 0));
  T(close_range(3, 5, 8));
  T(close_range(12, ~0u, 0));
  open_ones();
  T(close_range(100, 200, 0));
  T(close_range(7, ~0u, 2));
  open_ones();
  return done();
}
