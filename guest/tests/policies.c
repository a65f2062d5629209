// Memory policies of one node, scheduling attributes, protection keys, barriers, comparing processes, and calls for the superuser.
#include "../include/t.h"
#include <linux/kcmp.h>
#include <linux/membarrier.h>
#include <linux/reboot.h>

int main(void) {
  int mode = 9;
  unsigned long nodes = 0;
  T(syscall(SYS_get_mempolicy, &mode, &nodes, 64, 0, 0));
  T(mode);
  nodes = 1;
  T(syscall(SYS_set_mempolicy, 2, &nodes, 64));
  nodes = 2;
  T(syscall(SYS_set_mempolicy, 2, &nodes, 64));
  T(syscall(SYS_set_mempolicy, 99, &nodes, 64));
  struct { unsigned size, policy; unsigned long flags; int nice; unsigned priority; unsigned long runtime, deadline, period; } a = {0};
  T(syscall(SYS_sched_getattr, 0, &a, 48, 0));
  T(a.size);
  a.nice = 5;
  T(syscall(SYS_sched_setattr, 0, &a, 0));
  T(syscall(SYS_sched_getattr, 0, &a, 48, 0));
  T(a.nice);
  T(syscall(SYS_sched_getattr, 0, &a, 4, 0));
  T(syscall(SYS_sched_setattr, 0, 0, 0));
  struct timespec slice = {-1, -1};
  T(sched_rr_get_interval(0, &slice));
  IS(slice.tv_sec == 0 && slice.tv_nsec >= 0);
  T(sched_rr_get_interval(-1, &slice));
  T(sched_rr_get_interval(99999999, &slice));
  T(sched_rr_get_interval(0, (void *)16));
  T(syscall(SYS_pkey_alloc, 1, 0));
  T(syscall(SYS_pkey_free, 3));
  IS(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) & MEMBARRIER_CMD_PRIVATE_EXPEDITED);
  T(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
  T(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
  T(syscall(SYS_membarrier, 1 << 20, 0, 0));
  int p[2], me = getpid();
  T(pipe(p));
  T(syscall(SYS_kcmp, me, me, KCMP_FILE, p[0], p[0]));
  IS(syscall(SYS_kcmp, me, me, KCMP_FILE, p[0], p[1]) > 0);
  T(syscall(SYS_kcmp, me, me, KCMP_VM, 0, 0));
  char from[] = "across", to[8] = {0};
  struct iovec here = {to, 6}, there = {from, 6};
  T(process_vm_readv(me, &here, 1, &there, 1, 0));
  SAY("%s", to);
  T(process_vm_writev(me, &there, 1, &here, 1, 0));
  there.iov_base = (void *)16;
  T(process_vm_readv(me, &here, 1, &there, 1, 0));
  T(process_vm_readv(99999999, &here, 1, &there, 1, 0));
  T(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 3));
  T(syscall(SYS_ioprio_get, 1, 0));
  T(syscall(SYS_ioprio_get, 9, 0));
  T(syscall(SYS_readahead, p[0], 0L, 10));
  T(syscall(SYS_sync_file_range, p[0], 0L, 10L, 0));
  T(syscall(SYS_reboot, 1, 2, 3, 0));
  T(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, 77, 0));
  return done();
}
