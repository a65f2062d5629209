// AVX2 instructions compute, and their registers keep their upper halves across system calls and other threads.
//: cflags -mavx2 -O2
#include "../include/t.h"
#include <immintrin.h>
#include <pthread.h>
#include <sched.h>

static int bad[8];

static void *work(void *arg) {
  long me = (long)arg;
  __m256i a = _mm256_set1_epi64x(me * 0x0101010101010101), b = _mm256_set_epi64x(me + 3, me + 2, me + 1, me);
  for (int i = 0; i < 2000; i++) {
    __m256i c = _mm256_add_epi64(a, b);
    __asm__ volatile("" : "+x"(a), "+x"(b), "+x"(c));
    if (i % 3 == 0) syscall(SYS_sched_yield);
    if (i % 500 == 0) usleep(100);
    __asm__ volatile("" : "+x"(a), "+x"(b), "+x"(c));
    long long out[4];
    _mm256_storeu_si256((void *)out, c);
    for (int k = 0; k < 4; k++) bad[me] += out[k] != me * 0x0101010101010101 + me + k;
  }
  return 0;
}

int main(void) {
  if (!__builtin_cpu_supports("avx2")) return 77;
  int v[8] = {1, 2, 3, 4, 5, 6, 7, 8}, w[8];
  __m256i x = _mm256_loadu_si256((void *)v);
  x = _mm256_mullo_epi32(x, x);
  x = _mm256_permutevar8x32_epi32(x, _mm256_set_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  _mm256_storeu_si256((void *)w, x);
  for (int i = 0; i < 8; i++) printf("%d ", w[i]);
  putchar('\n');
  pthread_t t[8];
  for (long i = 0; i < 8; i++) pthread_create(&t[i], 0, work, (void *)i);
  for (int i = 0; i < 8; i++) pthread_join(t[i], 0);
  int sum = 0;
  for (int i = 0; i < 8; i++) sum += bad[i];
  T(sum);
  return done();
}
