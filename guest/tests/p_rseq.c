// A restartable sequence begins again at its abort address when a signal comes, and a sequence without the signature before its abort address ends the process.
#include "../include/t.h"
#include <linux/rseq.h>
#include <sys/rseq.h>
#include <sys/time.h>
#include <sys/wait.h>

static volatile int never, handled, in_handler_outside;
static struct rseq *area;

static void handler(int number) {
  (void)number;
  handled++;
  // The kernel has left the sequence already.
  if (area->rseq_cs == 0) in_handler_outside++;
}

// Spins within a sequence until the kernel takes it out; whether it went to the abort address.
static int spin_in_sequence(void) {
  int aborted = 0;
  __asm__ volatile(
    ".pushsection __rseq_cs, \"aw\"\n\t.balign 32\n"
    "3:\t.long 0, 0\n\t.quad 1f, 2f - 1f, 4f\n\t.popsection\n\t"
    "lea 3b(%%rip), %%rax\n\tmov %%rax, %[cs]\n"
    "1:\tcmpl $0, %[never]\n\tje 1b\n"
    "2:\tjmp 5f\n\t"
    ".byte 0x0f, 0xb9, 0x3d\n\t.long 0x53053053\n"
    "4:\tmovl $1, %[aborted]\n5:\n"
    : [aborted] "+m"(aborted), [cs] "=m"(area->rseq_cs) : [never] "m"(never) : "rax", "memory", "cc");
  return aborted;
}

static void spin_without_signature(void) {
  __asm__ volatile(
    ".pushsection __rseq_cs, \"aw\"\n\t.balign 32\n"
    "3:\t.long 0, 0\n\t.quad 1f, 2f - 1f, 4f\n\t.popsection\n\t"
    "lea 3b(%%rip), %%rax\n\tmov %%rax, %[cs]\n"
    "1:\tcmpl $0, %[never]\n\tje 1b\n"
    "2:\tjmp 5f\n\t"
    ".byte 0x0f, 0xb9, 0x3d\n\t.long 0x12345678\n"
    "4:\tnop\n5:\n"
    : [cs] "=m"(area->rseq_cs) : [never] "m"(never) : "rax", "memory", "cc");
}

static void start_timer(void) {
  struct itimerval soon = {{0, 1000}, {0, 1000}};
  setitimer(ITIMER_REAL, &soon, NULL);
}

static void stop_timer(void) {
  struct itimerval off = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &off, NULL);
}

int main(void) {
  area = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
  signal(SIGALRM, handler);
  int aborted = 0;
  start_timer();
  for (int i = 0; i < 50; i++) aborted += spin_in_sequence();
  stop_timer();
  T(aborted);
  IS(handled > 0 && in_handler_outside == handled);
  IS(area->rseq_cs == 0);

  // A child has its maker's area, and is told its CPU there.
  pid_t child = fork();
  if (child == 0) {
    start_timer();
    int left = spin_in_sequence();
    stop_timer();
    _exit(left && area->cpu_id < 4096 ? 0 : 1);
  }
  int status;
  waitpid(child, &status, 0);
  T(status);

  child = fork();
  if (child == 0) {
    start_timer();
    spin_without_signature();
    _exit(0);
  }
  waitpid(child, &status, 0);
  IS(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);

  // The number of the CPU is right whenever it is looked at.
  int wrong = 0;
  for (int i = 0; i < 2000; i++) {
    unsigned before = area->cpu_id, now, after;
    syscall(SYS_getcpu, &now, NULL, NULL);
    after = area->cpu_id;
    if (before == after && now != before) wrong++;
  }
  // (Going away and coming back in between is possible, often is not.)
  IS(wrong < 20);
  return done();
}
