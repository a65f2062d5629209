// Each thread keeps its own x87 and SSE state: registers, rounding modes and exception masks.
#include "../include/t.h"
#include <fenv.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>

static int bad[8];

static void *work(void *arg) {
  static const int modes[4] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
  long me = (long)arg;
  fesetround(modes[me % 4]);
  volatile double one = 1, three = 3;
  double here = one / three;
  long double wide = 1.0L / 3 + me;
  for (int i = 0; i < 3000; i++) {
    double d = one / three;
    bad[me] += memcmp(&d, &here, 8) != 0 || fegetround() != modes[me % 4];
    wide += 1.0L / (i + 1);
    wide -= 1.0L / (i + 1);
    if (i % 7 == 0) sched_yield();
    if (i % 1000 == 0) usleep(100);
  }
  bad[me] += fabsl(wide - (1.0L / 3 + me)) > 1e-12L;
  return 0;
}

int main(void) {
  pthread_t t[8];
  for (long i = 0; i < 8; i++) pthread_create(&t[i], 0, work, (void *)i);
  int sum = 0;
  for (int i = 0; i < 8; i++) pthread_join(t[i], 0), sum += bad[i];
  T(sum);
  unsigned mxcsr;
  unsigned short control;
  __asm__("stmxcsr %0" : "=m"(mxcsr));
  __asm__("fnstcw %0" : "=m"(control));
  SAY("%x %x", mxcsr & 0xffc0, control);
  SAY("%.17g %.6f", sqrt(2), sin(1) * exp(2));
  return done();
}
