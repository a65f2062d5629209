// The processor's identification can be read, and what it promises of extended state can be saved.
#include "../include/t.h"
#include <cpuid.h>

int main(void) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  IS(__get_cpuid(0, &a, &b, &c, &d) && a >= 7);
  IS(__get_cpuid(1, &a, &b, &c, &d));
  IS((d >> 26 & 1) && (d >> 0 & 1));
  if (c >> 27 & 1) {
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    IS((low & 3) == 3);
  } else IS(true);
  unsigned long tsc = __builtin_ia32_rdtsc();
  IS(__builtin_ia32_rdtsc() > tsc);
  return done();
}
