// Every byte value passes through standard output unchanged.
#include "../include/t.h"

int main(void) {
  char all[256];
  for (int i = 0; i < 256; i++) all[i] = (char)i;
  for (int i = 0; i < 5; i++) T(write(1, all, 256));
  return done();
}
