// Codes and addresses of faults at odd addresses; flags of actions that are read back; signal numbers at the edges.
#include "../include/t.h"
#include <setjmp.h>
#include <ucontext.h>

static sigjmp_buf back;
static volatile unsigned long mapped;

static void fault(int n, siginfo_t *i, void *context) {
  greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
  SAY("signal %d code %x address %lx trap %lld error %llx", n, i->si_code, (unsigned long)i->si_addr - mapped, (long long)g[REG_TRAPNO], (long long)g[REG_ERR]);
  siglongjmp(back, 1);
}

static void touch(unsigned long address, int write) {
  if (sigsetjmp(back, 1)) return;
  if (write) *(volatile char *)address = 1;
  else (void)*(volatile char *)address;
}

struct action { void *handler; unsigned long flags; void *restorer; unsigned long mask; };

int main(void) {
  struct sigaction a = {0};
  a.sa_sigaction = fault;
  a.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &a, 0), sigaction(SIGBUS, &a, 0);
  unsigned long addresses[] = {0, 8, 0x7ffffffff000, 0x800000000000, 0xffff800000000000, 0xffffffff80000000, 0xfffffffffffffff0};
  for (int i = 0; i < 7; i++) touch(addresses[i], 0), touch(addresses[i], 1);
  if (!sigsetjmp(back, 1)) ((void (*)(void))0xffffffff81000000)();
  if (!sigsetjmp(back, 1)) ((void (*)(void))0x10)();
  put("short", "x");
  int fd = open("short", O_RDWR);
  char *map = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (!sigsetjmp(back, 1)) SAY("first page %c", map[0]);
  if (!sigsetjmp(back, 1)) {
    struct sigaction old;
    sigaction(SIGBUS, 0, &old);
    IS(old.sa_sigaction == fault);
    mapped = (unsigned long)map;
    *(volatile char *)(map + 4099) = 1;
  }

  mapped = 0;
  struct action mine = {fault, 0xfffffffffffffffful & ~0x04000000ul, (void *)0x1234, ~0ul}, seen = {0};
  T(syscall(SYS_rt_sigaction, SIGUSR1, &mine, 0, 8));
  T(syscall(SYS_rt_sigaction, SIGUSR1, 0, &seen, 8));
  SAY("flags %lx restorer %lx mask %lx", seen.flags, (unsigned long)seen.restorer, seen.mask);
  mine.flags = 0x04000004;
  T(syscall(SYS_rt_sigaction, SIGUSR1, &mine, &seen, 8));
  T(syscall(SYS_rt_sigaction, SIGUSR1, 0, &seen, 8));
  SAY("flags %lx restorer %lx", seen.flags, (unsigned long)seen.restorer);
  T(syscall(SYS_rt_sigaction, 64, &mine, 0, 8));
  T(syscall(SYS_rt_sigaction, SIGUSR1, &mine, 0, 4));
  T(syscall(SYS_rt_sigaction, SIGUSR1, 8, 0, 8));
  T(syscall(SYS_rt_sigaction, SIGUSR1, 0, 8, 8));
  T(syscall(SYS_rt_sigprocmask, 7, &seen, 0, 8));
  T(syscall(SYS_rt_sigprocmask, 7, 0, 0, 8));
  T(syscall(SYS_rt_sigprocmask, SIG_BLOCK, 8, 0, 8));
  T(syscall(SYS_rt_sigpending, 8, 8));
  T(syscall(SYS_rt_sigpending, &seen, 16));
  T(kill(getpid(), 65));
  T(kill(getpid(), 0));
  T(kill(99999999, 65));
  T(kill(99999999, 0));
  T(syscall(SYS_tkill, 0, 0));
  T(syscall(SYS_tkill, 99999999, 0));
  T(syscall(SYS_tgkill, getpid(), getpid(), 65));
  T(syscall(SYS_tgkill, getpid(), 99999999, 65));
  return done();
}
