// Somebody else's process is sent from CPU to CPU: one that computes, one that sleeps, and several that share a CPU.
//: cpus 4
//: timeout 60
#include "../include/t.h"
#include <sched.h>
#include <sys/wait.h>

static volatile struct { int cpu[4]; } *seen;

static pid_t computes(int place) {
  pid_t child = fork();
  if (child == 0) for (;;) seen->cpu[place] = sched_getcpu();
  return child;
}

static bool goes_to(pid_t child, int place, int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(child, sizeof set, &set)) return false;
  while (seen->cpu[place] != cpu) sched_yield();
  // And stays there.
  for (int i = 0; i < 20; i++) {
    if (seen->cpu[place] != cpu) return false;
    sched_yield();
  }
  return true;
}

int main(void) {
  seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  cpu_set_t all;
  sched_getaffinity(0, sizeof all, &all);
  pid_t child = computes(0);
  int right = 0, tried = 0;
  for (int round = 0; round < 3; round++)
    for (int cpu = 0; cpu < CPU_SETSIZE && tried < 8; cpu++)
      if (CPU_ISSET(cpu, &all)) { tried++; right += goes_to(child, 0, cpu); }
  IS(right == tried);
  // Three on one CPU, then one of them elsewhere.
  pid_t second = computes(1), third = computes(2);
  int first = 0, last = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &all)) last = cpu;
  while (!CPU_ISSET(first, &all)) first++;
  IS(goes_to(child, 0, last) && goes_to(second, 1, last) && goes_to(third, 2, last));
  IS(goes_to(second, 1, first) && goes_to(third, 2, first) && goes_to(child, 0, first));
  kill(child, SIGKILL);
  kill(second, SIGKILL);
  kill(third, SIGKILL);
  while (wait(NULL) > 0) {}
  T(sched_setaffinity(child, sizeof all, &all));
  return done();
}
