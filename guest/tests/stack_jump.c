// One large frame, touched from its far end first, is within the stack's limit too.
#include "../include/t.h"

__attribute__((noinline)) static int far(void) {
  volatile char frame[6 << 20];
  frame[0] = 1;
  frame[sizeof frame - 1] = 2;
  return frame[0] + frame[sizeof frame - 1] + frame[3 << 20] * 0;
}

int main(void) {
  IS(far() == 3);
  return done();
}
