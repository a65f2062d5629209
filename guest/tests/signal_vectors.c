// Vector and floating-point state: a handler begins with a clear one, and what it interrupted gets its own back, changed where the handler changed the frame.
//: cflags -mavx2
#include "../include/t.h"
#include <immintrin.h>
#include <ucontext.h>

static volatile int stage;

static void junk(int n, siginfo_t *i, void *context) {
  (void)n, (void)i;
  unsigned short control;
  unsigned mxcsr = _mm_getcsr();
  asm volatile("fnstcw %0" : "=m"(control));
  SAY("handler begins with mxcsr %x, control word %x", mxcsr, control);
  _mm_setcsr(0x9fc0);
  asm volatile("fninit; fldpi; fldpi; fldz");
  __m256i j = _mm256_set1_epi64x(-1);
  asm volatile("vmovdqa %0, %%ymm0; vmovdqa %0, %%ymm7; vmovdqa %0, %%ymm15; vmovdqa %0, %%ymm9" : : "m"(j) : "xmm0", "xmm7", "xmm9", "xmm15");
  asm volatile("fninit");
  struct _libc_fpstate *f = ((ucontext_t *)context)->uc_mcontext.fpregs;
  SAY("saved mxcsr %x", f->mxcsr);
  if (stage == 1) f->_xmm[7].element[0] = 0xabcd, f->mxcsr |= 0x8000;
}

static void round_trip(int how) {
  __m256i seven = _mm256_set_epi64x(4, 3, 2, 1), fifteen = _mm256_set_epi64x(8, 7, 6, 5);
  long long out[4], out15[4];
  double st = 0;
  long pid = getpid(), result;
  asm volatile(
    "fninit; fld1; fadd %%st(0), %%st(0)\n"
    "vmovdqu %4, %%ymm7; vmovdqu %5, %%ymm15\n"
    "syscall\n"
    "vmovdqu %%ymm7, %1; vmovdqu %%ymm15, %2\n"
    "fstpl %3"
    : "=a"(result), "=m"(out), "=m"(out15), "=m"(st)
    : "m"(seven), "m"(fifteen), "0"((long)SYS_kill), "D"(pid), "S"((long)SIGUSR1)
    : "rcx", "r11", "memory", "xmm7", "xmm15", "st");
  SAY("%d: ymm7 %llx %llx %llx %llx, ymm15 %llx %llx, st %g, mxcsr %x", how, out[0], out[1], out[2], out[3], out15[0], out15[3], st, _mm_getcsr());
}

int main(void) {
  struct sigaction a = {0};
  a.sa_sigaction = junk;
  a.sa_flags = SA_SIGINFO;
  sigaction(SIGUSR1, &a, 0);
  _mm_setcsr(0x5f80);
  round_trip(0);
  stage = 1;
  round_trip(1);
  return done();
}
