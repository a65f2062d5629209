// Calls about processes, time and memory answer EFAULT to bad pointers.
#include "../include/t.h"

int main(void) {
  void *bad[] = {(void *)8, (void *)0xffffffff80000000, (void *)0x8000000000000000, (void *)-1};
  for (int i = 0; i < 4; i++) {
    void *b = bad[i];
    T(syscall(SYS_uname, b));
    T(syscall(SYS_sysinfo, b));
    T(syscall(SYS_getrlimit, 0, b));
    T(syscall(SYS_setrlimit, 7, b));
    T(syscall(SYS_prlimit64, 0, 7, 0, b));
    T(syscall(SYS_getrusage, 0, b));
    T(syscall(SYS_times, b));
    T(syscall(SYS_gettimeofday, b, 0));
    T(syscall(SYS_gettimeofday, 0, b));
    T(syscall(SYS_time, b));
    T(syscall(SYS_clock_gettime, 1, b));
    T(syscall(SYS_clock_getres, 1, b));
    T(syscall(SYS_clock_nanosleep, 1, 0, b, 0));
    T(syscall(SYS_nanosleep, b, 0));
    T(syscall(SYS_getrandom, b, 9, 0));
    T(syscall(SYS_getgroups, 10, b) * 0);
    T(syscall(SYS_getresuid, b, b, b));
    T(syscall(SYS_sched_getaffinity, 0, 128, b));
    T(syscall(SYS_sched_setaffinity, 0, 128, b));
    T(syscall(SYS_getcpu, b, 0, 0));
    T(syscall(SYS_prctl, 15, b));
    T(syscall(SYS_prctl, 16, b));
    T(syscall(SYS_arch_prctl, 0x1003, b));
    T(syscall(SYS_futex, (unsigned long)b & ~3ul, 0, 0, 0, 0, 0));
    T(syscall(SYS_mincore, (unsigned long)&bad & ~4095ul, 4096, b));
    T(syscall(SYS_rt_sigprocmask, 0, b, 0, 8));
    T(syscall(SYS_rt_sigprocmask, 0, 0, b, 8));
    T(syscall(SYS_rt_sigaction, 10, b, 0, 8));
    T(syscall(SYS_rt_sigaction, 10, 0, b, 8));
    T(syscall(SYS_sigaltstack, b, 0));
    T(syscall(SYS_sethostname, b, 3));
    T(syscall(SYS_get_robust_list, 0, b, b));
    T(syscall(SYS_clone3, b, 88));
  }
  return done();
}
