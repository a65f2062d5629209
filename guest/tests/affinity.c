// The CPU mask: sizes, changing it, the CPU one runs on, and scheduling parameters.
#include "../include/t.h"
#include <sched.h>
#include <sys/sysinfo.h>

int main(void) {
  cpu_set_t set, all;
  IS(sched_getaffinity(0, sizeof all, &all) == 0 && CPU_COUNT(&all) >= 1);
  long n = syscall(SYS_sched_getaffinity, 0, sizeof all, &all);
  IS(n >= 8 && n % 8 == 0);
  IS(CPU_COUNT(&all) == sysconf(_SC_NPROCESSORS_ONLN) || CPU_COUNT(&all) < sysconf(_SC_NPROCESSORS_ONLN));
  T(syscall(SYS_sched_getaffinity, 0, 3, &all));
  T(syscall(SYS_sched_getaffinity, 9999999, sizeof all, &all));
  T(syscall(SYS_sched_getaffinity, 0, sizeof all, 8));
  CPU_ZERO(&set);
  CPU_SET(0, &set);
  T(sched_setaffinity(0, sizeof set, &set));
  T(sched_getcpu());
  unsigned cpu = 9, node = 9;
  T(syscall(SYS_getcpu, &cpu, &node, 0));
  T(cpu);
  T(node);
  CPU_ZERO(&set);
  T(sched_setaffinity(0, sizeof set, &set));
  CPU_SET(1000, &set);
  T(sched_setaffinity(0, sizeof set, &set));
  T(sched_setaffinity(0, sizeof all, &all));
  T(sched_yield());
  T(sched_getscheduler(0));
  struct sched_param p = {5};
  T(sched_getparam(0, &p));
  T(p.sched_priority);
  T(sched_get_priority_max(SCHED_FIFO));
  T(sched_get_priority_min(SCHED_RR));
  T(sched_get_priority_max(SCHED_OTHER));
  T(sched_get_priority_max(77));
  return done();
}
