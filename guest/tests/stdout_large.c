// Two megabytes of standard output arrive whole and in order.
#include "../include/t.h"

int main(void) {
  static char line[64];
  setvbuf(stdout, 0, _IOFBF, 1 << 16);
  for (int i = 0; i < 40000; i++) {
    snprintf(line, sizeof line, "%08d the quick brown fox jumps over the dog\n", i);
    fputs(line, stdout);
  }
  return done();
}
