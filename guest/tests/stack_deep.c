// Recursion uses 7 MiB of the 8 MiB stack, page by page.
#include "../include/t.h"

static long deep(long n) {
  volatile char frame[4000];
  frame[0] = (char)n;
  return n == 0 ? 0 : deep(n - 1) + 1 + (frame[0] - (char)n);
}

int main(void) {
  IS(deep(1750) == 1750);
  return done();
}
