// Restartable sequences can be registered once, with the right length and signature, and show the CPU.
#include "../include/t.h"
#include <linux/rseq.h>
#include <sys/rseq.h>

int main(void) {
  IS(__rseq_size > 0);
  struct rseq *area = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
  IS(area->cpu_id < 64 && area->cpu_id_start == area->cpu_id);
  static struct rseq other __attribute__((aligned(32)));
  T(syscall(SYS_rseq, &other, 32, 0, RSEQ_SIG));
  T(syscall(SYS_rseq, area, 32, 0, RSEQ_SIG));
  T(syscall(SYS_rseq, area, 32, RSEQ_FLAG_UNREGISTER, 0));
  T(syscall(SYS_rseq, area, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG));
  T(syscall(SYS_rseq, area, 31, 0, RSEQ_SIG));
  T(syscall(SYS_rseq, (char *)&other + 4, 32, 0, RSEQ_SIG));
  T(syscall(SYS_rseq, &other, 32, 0, RSEQ_SIG));
  IS(other.cpu_id < 64);
  return done();
}
