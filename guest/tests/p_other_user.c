// What a process may do to one of another user: nothing about its scheduling, and "all that may be signalled" can be none.
//: root
#include "../include/t.h"
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>

int main(void) {
  pid_t own = getpid();
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(0, &set);
  fflush(stdout);
  pid_t third = fork();
  if (third == 0) {
    pause();
    _exit(1);
  }
  pid_t child = fork();
  if (child == 0) {
    if (setresuid(12345, 12345, 12345)) _exit(1);
    struct sched_param none = {0};
    T(sched_setaffinity(own, sizeof set, &set));
    T(sched_setaffinity(0, sizeof set, &set));
    T(sched_setscheduler(own, SCHED_BATCH, &none));
    T(sched_setparam(own, &none));
    struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t times[3]; } how = {.size = 48};
    T(syscall(SYS_sched_setattr, own, &how, 0));
    T(syscall(SYS_ioprio_set, 1, own, 2 << 13 | 4));
    void *list;
    size_t length;
    T(syscall(SYS_get_robust_list, own, &list, &length));
    T(syscall(SYS_get_robust_list, 4000000, &list, &length));
    T(setpriority(PRIO_PROCESS, own, 1));
    T(kill(own, 0));
    T(kill(-1, 0));
    fflush(stdout);
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  SAY("%d", status);
  T(kill(third, SIGKILL));
  waitpid(third, &status, 0);
  SAY("what is refused first");
  cpu_set_t nothing;
  CPU_ZERO(&nothing);
  T(sched_setaffinity(0, sizeof nothing, &nothing));
  T(sched_setaffinity(4000000, sizeof nothing, &nothing));
  struct sched_param none = {0};
  T(sched_setscheduler(0, SCHED_OTHER, 0));
  T(sched_setscheduler(4000000, SCHED_OTHER, 0));
  T(sched_setscheduler(4000000, 99, &none));
  T(sched_setscheduler(4000000, SCHED_OTHER, (void *)8));
  T(sched_setparam(0, 0));
  T(sched_getparam(0, 0));
  T(sched_getparam(4000000, (void *)8));
  T(syscall(SYS_clock_nanosleep, 99, 0, 0, 0));
  T(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, 0, 0));
  T(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, 0, 0));
  T(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, 0, 0));
  return done();
}
