// A signal handler changes no register of the interrupted code, vector registers included.
//: cflags -mavx2 -O2
#include "../include/t.h"
#include <immintrin.h>
#include <sys/time.h>

static volatile int ticks;

static void tick(int n) {
  (void)n;
  ticks++;
  __m256i junk = _mm256_set1_epi64x(ticks);
  __asm__ volatile("vmovdqa %0, %%ymm7\n vmovdqa %0, %%ymm15" : : "x"(junk) : "xmm7", "xmm15");
}

int main(void) {
  if (!__builtin_cpu_supports("avx2")) return 77;
  signal(SIGALRM, tick);
  struct itimerval t = {{0, 2000}, {0, 2000}};
  T(setitimer(ITIMER_REAL, &t, 0));
  long bad = 0;
  while (ticks < 50) {
    __m256i a = _mm256_set1_epi64x(0x1122334455667788), b;
    long r12 = 0x1212, r13 = 0x1313;
    __asm__ volatile("vmovdqa %3, %%ymm7\n mov %1, %%r12\n mov %2, %%r13\n mov $20000, %%ecx\n 1: dec %%ecx\n jnz 1b\n"
                     "vmovdqa %%ymm7, %0\n mov %%r12, %1\n mov %%r13, %2"
                     : "=x"(b), "+r"(r12), "+r"(r13) : "x"(a) : "rcx", "r12", "r13", "xmm7");
    long long out[4];
    _mm256_storeu_si256((void *)out, b);
    for (int i = 0; i < 4; i++) bad += out[i] != 0x1122334455667788;
    bad += r12 != 0x1212 || r13 != 0x1313;
  }
  T(bad);
  return done();
}
