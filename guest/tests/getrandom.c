// getrandom fills, differs from call to call, and knows its flags.
#include "../include/t.h"
#include <sys/random.h>

int main(void) {
  static unsigned char a[300000], b[300000];
  T(getrandom(a, 16, 0));
  T(getrandom(b, 16, 0));
  IS(memcmp(a, b, 16) != 0);
  T(getrandom(a, 256, GRND_NONBLOCK));
  T(getrandom(a, 256, GRND_RANDOM));
  T(getrandom(a, 256, GRND_INSECURE));
  T(getrandom(a, 256, GRND_RANDOM | GRND_INSECURE));
  T(getrandom(a, 256, 0x8000));
  T(getrandom(a, 0, 0));
  T(getrandom((void *)8, 16, 0));
  T(getrandom(a, sizeof a, 0));
  int counts[256] = {0}, worst = 0;
  for (size_t i = 0; i < sizeof a; i++) counts[a[i]]++;
  for (int i = 0; i < 256; i++) if (abs(counts[i] - 1172) > worst) worst = abs(counts[i] - 1172);
  IS(worst < 300);
  return done();
}
