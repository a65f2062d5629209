// Faults as signals: the address, the code, and going on after the handler repaired the cause.
#include "../include/t.h"
#include <setjmp.h>
#include <ucontext.h>

static sigjmp_buf back;
static char *page;
static volatile void *address;
static volatile int code, number_;

static void repair(int n, siginfo_t *i, void *c) {
  (void)n, (void)c;
  address = i->si_addr, code = i->si_code;
  mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void leave(int n, siginfo_t *i, void *c) {
  (void)c;
  number_ = n, code = i->si_code, address = i->si_addr;
  siglongjmp(back, 1);
}

int main(void) {
  struct sigaction a = {.sa_sigaction = repair, .sa_flags = SA_SIGINFO};
  page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  sigaction(SIGSEGV, &a, 0);
  page[77] = 5;
  IS(address == page + 77 && code == SEGV_ACCERR && page[77] == 5);
  a.sa_sigaction = leave;
  int all[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  for (int i = 0; i < 5; i++) sigaction(all[i], &a, 0);
  volatile int zero = 0;
  if (!sigsetjmp(back, 1)) *(volatile int *)16 = 1;
  SAY("%d %d", number_, code);
  IS(address == (void *)16);
  if (!sigsetjmp(back, 1)) zero = 7 / zero;
  SAY("%d %d", number_, code);
  if (!sigsetjmp(back, 1)) __asm__ volatile("ud2");
  SAY("%d %d", number_, code);
  if (!sigsetjmp(back, 1)) __asm__ volatile("int3");
  SAY("%d %d", number_, code == SI_KERNEL);
  if (!sigsetjmp(back, 1)) __asm__ volatile("hlt");
  SAY("%d %d", number_, code == SI_KERNEL);
  int fd = open("f", O_RDWR | O_CREAT, 0644);
  char *f = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
  if (!sigsetjmp(back, 1)) zero = f[0];
  SAY("%d %d", number_, code);
  return done();
}
