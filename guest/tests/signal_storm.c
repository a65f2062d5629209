// Storms of signals from other threads, as Go's scheduler sends them, disturb neither sums, nor vectors, nor calls.
//: cflags -O2 -mavx2
//: timeout 60
#include "../include/t.h"
#include <immintrin.h>
#include <pthread.h>

#define WORKERS 4
static volatile int running = WORKERS, wrong;
static volatile long handled;
static pid_t tids[WORKERS];

static void urge(int n, siginfo_t *i, void *c) {
  (void)n, (void)i, (void)c;
  __m256i junk = _mm256_set1_epi32(-1);
  asm volatile("vmovdqa %0, %%ymm3" : : "m"(junk) : "xmm3");
  __atomic_add_fetch(&handled, 1, __ATOMIC_RELAXED);
}

static void *work(void *number) {
  long me = (long)number;
  char *stack = malloc(65536);
  stack_t s = {.ss_sp = stack, .ss_size = 65536};
  sigaltstack(&s, 0);
  tids[me] = gettid();
  int p[2];
  if (pipe(p)) return 0;
  for (int round = 0; round < 150 || !handled; round++) {
    __m256i sum = _mm256_setzero_si256(), one = _mm256_set1_epi32(1);
    double x = 0;
    for (int i = 0; i < 20000; i++) sum = _mm256_add_epi32(sum, one), x += 0.5;
    int out[8];
    _mm256_storeu_si256((__m256i *)out, sum);
    for (int i = 0; i < 8; i++) if (out[i] != 20000) wrong++;
    if (x != 10000) wrong++;
    char bytes[64] = "0123456789", back[64] = {0};
    if (write(p[1], bytes, 64) != 64 || read(p[0], back, 64) != 64 || memcmp(bytes, back, 64)) wrong++;
    if (getppid() < 0 || syscall(SYS_gettid) != tids[me]) wrong++;
  }
  tids[me] = 0;
  __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
  return 0;
}

int main(void) {
  struct sigaction a = {0};
  a.sa_sigaction = urge;
  a.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigfillset(&a.sa_mask);
  sigaction(SIGURG, &a, 0);
  pthread_t t[WORKERS];
  for (long i = 0; i < WORKERS; i++) pthread_create(&t[i], 0, work, (void *)i);
  long sent = 0;
  while (running) {
    for (int i = 0; i < WORKERS; i++)
      if (tids[i] && syscall(SYS_tgkill, getpid(), tids[i], SIGURG) == 0) sent++;
    usleep(100);
  }
  for (int i = 0; i < WORKERS; i++) pthread_join(t[i], 0);
  SAY("wrong: %d", wrong);
  IS(handled > 0 && handled <= sent);
  return done();
}
