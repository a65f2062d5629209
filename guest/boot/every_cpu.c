// Runs on each CPU in turn, and says how many there are. Those that are still being started are waited for.
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(void) {
  int count = sysconf(_SC_NPROCESSORS_ONLN), ran = 0;
  time_t end = time(0) + 20;
  for (int cpu = 0; cpu < count; cpu++) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    while (time(0) < end && (sched_setaffinity(0, sizeof one, &one) || sched_getcpu() != cpu)) sched_yield();
    ran += sched_getcpu() == cpu;
  }
  printf("%d CPUs, ran on %d\n", count, ran);
  return ran != count;
}
