// arch_prctl reads and sets the segment bases; a base outside the user's half is refused.
#include "../include/t.h"
#include <asm/prctl.h>

int main(void) {
  unsigned long fs = 0, gs = 1;
  T(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs));
  unsigned long self;
  __asm__("mov %%fs:0, %0" : "=r"(self));
  IS(fs == self);
  T(syscall(SYS_arch_prctl, ARCH_GET_GS, &gs));
  T(gs);
  static unsigned long here[2] = {11, 22};
  T(syscall(SYS_arch_prctl, ARCH_SET_GS, here));
  unsigned long value;
  __asm__ volatile("mov %%gs:8, %0" : "=r"(value));
  T(value);
  usleep(1000);
  __asm__ volatile("mov %%gs:8, %0" : "=r"(value));
  T(value);
  T(syscall(SYS_arch_prctl, ARCH_SET_FS, 0xffff800000000000));
  T(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x8000000000000000));
  T(syscall(SYS_arch_prctl, ARCH_GET_FS, 8));
  T(syscall(SYS_arch_prctl, 0x1234, 0));
  return done();
}
