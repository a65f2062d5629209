// The frame of a handler: alignment, red zone, flags, vector state with its marks, masks, and registers that a handler changes.
#include "../include/t.h"
#include <ucontext.h>

static volatile unsigned long sp_before, handled;

static void look(int n, siginfo_t *info, void *context) {
  ucontext_t *c = context;
  unsigned long frame = (unsigned long)__builtin_frame_address(0);
  greg_t *g = c->uc_mcontext.gregs;
  handled++;
  IS(n == SIGUSR1 && info->si_signo == SIGUSR1);
  IS((frame & 15) == 0);
  IS(((unsigned long)info & 7) == 0);
  SAY("siginfo behind ucontext: %ld", (long)info - (long)c);
  SAY("flags: %lx, link: %p", c->uc_flags & ~1ul, (void *)c->uc_link);
  IS((unsigned long)g[REG_RSP] - ((unsigned long)c->uc_mcontext.fpregs) >= 128 + 512);
  IS(((unsigned long)c->uc_mcontext.fpregs & 63) == 0);
  IS((unsigned long)info + 128 <= (unsigned long)c->uc_mcontext.fpregs);
  unsigned *described = (unsigned *)((char *)c->uc_mcontext.fpregs + 464);
  IS(described[0] == 0x46505853);
  IS(described[1] == described[4] + 4);
  IS((described[2] & 7) == 7);
  IS(*(unsigned *)((char *)c->uc_mcontext.fpregs + described[4]) == 0x46505845);
  IS((*(unsigned long *)((char *)c->uc_mcontext.fpregs + 512) & 3) == 3);
  SAY("segments: %lx", (unsigned long)g[REG_CSGSFS]);
  IS((g[REG_EFL] & 0x200) != 0);
  SAY("mask of USR2: %d, of USR1: %d", sigismember(&c->uc_sigmask, SIGUSR2), sigismember(&c->uc_sigmask, SIGUSR1));
  SAY("old mask: %llx", (long long)g[REG_OLDMASK]);
  sigset_t now;
  sigprocmask(SIG_BLOCK, 0, &now);
  SAY("now USR2: %d, USR1: %d, HUP: %d", sigismember(&now, SIGUSR2), sigismember(&now, SIGUSR1), sigismember(&now, SIGHUP));
  // What the handler changes in the mask of the context counts after it.
  sigaddset(&c->uc_sigmask, SIGTERM);
}

static void set_registers(int n, siginfo_t *info, void *context) {
  (void)n, (void)info;
  greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
  g[REG_RBX] = 0x1111, g[REG_R15] = 0x2222, g[REG_RAX] = 0x3333, g[REG_RCX] = 0x4444, g[REG_R11] = 0x5555;
  g[REG_RIP] += 2;
  g[REG_EFL] |= 1;
}

static void direction(int n) {
  (void)n;
  unsigned long flags;
  asm volatile("pushf; pop %0" : "=r"(flags));
  SAY("direction flag in the handler: %lu", flags >> 10 & 1);
}

int main(void) {
  struct sigaction a = {0};
  sigset_t block, now;
  sigemptyset(&block), sigaddset(&block, SIGUSR2);
  sigprocmask(SIG_BLOCK, &block, 0);
  a.sa_sigaction = look;
  a.sa_flags = SA_SIGINFO;
  sigaddset(&a.sa_mask, SIGHUP);
  sigaction(SIGUSR1, &a, 0);
  T(raise(SIGUSR1));
  T(handled);
  sigprocmask(SIG_BLOCK, 0, &now);
  SAY("after: USR2: %d, USR1: %d, HUP: %d, TERM: %d", sigismember(&now, SIGUSR2), sigismember(&now, SIGUSR1), sigismember(&now, SIGHUP), sigismember(&now, SIGTERM));

  a.sa_sigaction = set_registers;
  sigaction(SIGILL, &a, 0);
  unsigned long rbx, r15, rax, rcx, r11, flags;
  asm volatile("clc; ud2; pushf; pop %5" : "=b"(rbx), "=a"(rax), "=c"(rcx), "=&d"(r15), "=&S"(r11), "=&r"(flags) : : "r15", "r11", "cc", "memory");
  asm volatile("ud2; mov %%r15, %0; mov %%r11, %1" : "=&d"(r15), "=&S"(r11) : : "rax", "rbx", "rcx", "r15", "r11", "cc", "memory");
  SAY("registers: %lx %lx %lx %lx %lx, carry %lu", rbx, rax, rcx, r15, r11, flags & 1);

  signal(SIGUSR1, direction);
  long pid = getpid(), call = SYS_kill, result;
  asm volatile("std; syscall; pushf; pop %1; cld" : "=a"(result), "=&r"(flags) : "0"(call), "D"(pid), "S"(SIGUSR1) : "rcx", "r11", "memory");
  SAY("result: %ld, direction flag after: %lu", result, flags >> 10 & 1);
  // The red zone below the stack pointer survives.
  unsigned long kept;
  asm volatile("movq $0x1234, -8(%%rsp); movq $0x4321, -128(%%rsp); syscall; movq -8(%%rsp), %1; addq -128(%%rsp), %1" : "=a"(result), "=&r"(kept) : "0"(call), "D"(pid), "S"(SIGUSR1) : "rcx", "r11", "memory");
  SAY("red zone: %lx", kept);
  return done();
}
