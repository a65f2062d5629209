// A handler of SIGSEGV gives the program the memory that it lacked, and the instruction is tried again; code, address and trap are Linux's.
#include "../include/t.h"
#include <ucontext.h>

static char *page;
static volatile int faults;

static void mend(int n, siginfo_t *i, void *context) {
  greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
  faults++;
  SAY("signal %d code %d at %ld, trap %lld error %llx, cr2 %s", n, i->si_code, (long)((char *)i->si_addr - page), (long long)g[REG_TRAPNO], (long long)g[REG_ERR], g[REG_CR2] == (greg_t)i->si_addr ? "same" : "other");
  if (faults > 9) _exit(1);
  if (i->si_code == SEGV_MAPERR) mmap(page, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  else mprotect(page, 4096, PROT_READ | PROT_WRITE | (faults > 3 ? PROT_EXEC : 0));
}

static void skip(int n, siginfo_t *i, void *context) {
  greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
  SAY("signal %d code %d address %s, trap %lld error %llx", n, i->si_code, i->si_addr == 0 ? "0" : i->si_addr == (void *)g[REG_RIP] ? "ip" : "other", (long long)g[REG_TRAPNO], (long long)g[REG_ERR]);
  g[REG_RIP] += n == SIGTRAP ? 0 : n == SIGSEGV ? 1 : 2;
}

int main(void) {
  struct sigaction a = {0};
  a.sa_sigaction = mend;
  a.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &a, 0);
  page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *(volatile char *)(page + 10) = 1;
  SAY("%d, %d faults", page[10], faults);
  munmap(page, 4096);
  SAY("%d, %d faults", *(volatile char *)(page + 20), faults);
  *(volatile char *)(page + 30) = (char)0xc3;
  SAY("%d faults", faults);
  page[0] = (char)0xc3;
  ((void (*)(void))page)();
  SAY("%d faults", faults);

  a.sa_sigaction = skip;
  sigaction(SIGSEGV, &a, 0), sigaction(SIGILL, &a, 0), sigaction(SIGFPE, &a, 0), sigaction(SIGTRAP, &a, 0);
  asm volatile("ud2");
  asm volatile("hlt");
  asm volatile("int3");
  asm volatile("xor %%ecx, %%ecx; xor %%edx, %%edx; mov $1, %%eax; div %%ecx" : : : "rax", "rcx", "rdx");
  return done();
}
