// Scheduling policies are remembered, inherited, and reset on fork when asked; nobody without rank gets a real-time one by mistake.
//: root
#include "../include/t.h"
#include <sys/resource.h>
#include <sched.h>
#include <sys/wait.h>

#ifndef SCHED_RESET_ON_FORK
#define SCHED_RESET_ON_FORK 0x40000000
#endif

struct attr { unsigned size, policy; unsigned long flags; int nice; unsigned priority; unsigned long runtime, deadline, period; };

static void child(const char *what) {
  pid_t pid = fork();
  if (!pid) _exit(sched_getscheduler(0) | (nice(0) < 0 ? 64 : 0));
  int status;
  waitpid(pid, &status, 0);
  SAY("%s: a child has %d", what, WEXITSTATUS(status));
}

int main(void) {
  // Whatever it was started with.
  setpriority(PRIO_PROCESS, 0, 0);
  struct sched_param none = {0}, some = {1};
  T(sched_getscheduler(0));
  T(sched_setscheduler(0, SCHED_BATCH, &none));
  T(sched_getscheduler(0));
  T(sched_getscheduler(getpid()));
  child("batch");
  T(sched_setscheduler(0, SCHED_BATCH, &some));
  T(sched_setscheduler(0, 77, &none));
  T(sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &none));
  IS(sched_getscheduler(0) == (SCHED_BATCH | SCHED_RESET_ON_FORK));
  child("batch, reset");
  errno = 0;
  T(nice(-3));
  child("batch, reset, better");
  T(nice(3));
  struct attr a = {0};
  T(syscall(SYS_sched_getattr, 0, &a, sizeof a, 0));
  SAY("policy %u flags %lu", a.policy, a.flags & 1);
  a.flags = 0;
  a.policy = SCHED_IDLE;
  T(syscall(SYS_sched_setattr, 0, &a, 0));
  T(sched_getscheduler(0));
  child("idle");
  a.flags = 1UL << 40;
  T(syscall(SYS_sched_setattr, 0, &a, 0));
  T(sched_getscheduler(-1));
  T(sched_getscheduler(99999999));
  T(sched_setscheduler(-1, SCHED_BATCH, &none));
  T(sched_setscheduler(0, SCHED_BATCH, (void *)16));
  return done();
}
