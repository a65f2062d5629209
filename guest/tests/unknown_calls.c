// Numbers that are no system call give ENOSYS.
#include "../include/t.h"

int main(void) {
  T(syscall(400));
  T(syscall(423));
  T(syscall(999));
  T(syscall(0x7fffffff));
  T(syscall(-2));
  T(syscall(SYS_tuxcall));
  T(syscall(SYS_nfsservctl));
  T(syscall(SYS_uselib));
  T(syscall(SYS_create_module));
  return done();
}
