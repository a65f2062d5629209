// Resource limits: the set of them, changing soft and hard, and what is refused.
//: root
#include "../include/t.h"
#include <sys/resource.h>

int main(void) {
  struct rlimit l, old;
  T(getrlimit(RLIMIT_STACK, &l));
  T(l.rlim_cur);
  for (int i = 0; i < 16; i++) {
    int r = getrlimit(i, &l);
    SAY("limit %d: %d, soft within hard %d", i, r, l.rlim_cur <= l.rlim_max);
  }
  T(getrlimit(16, &l));
  T(getrlimit(-1, &l));
  l = (struct rlimit){100, 50};
  T(setrlimit(RLIMIT_NOFILE, &l));
  l = (struct rlimit){100, 200};
  T(setrlimit(RLIMIT_NOFILE, &l));
  T(prlimit(0, RLIMIT_NOFILE, 0, &old));
  SAY("%ld %ld", (long)old.rlim_cur, (long)old.rlim_max);
  l = (struct rlimit){50, 150};
  T(prlimit(getpid(), RLIMIT_NOFILE, &l, &old));
  SAY("%ld %ld", (long)old.rlim_cur, (long)old.rlim_max);
  T(prlimit(9999999, RLIMIT_NOFILE, 0, &old));
  T(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 8, 0));
  T(syscall(SYS_getrlimit, RLIMIT_NOFILE, 8));
  T(setresuid(1000, 1000, 1000));
  l = (struct rlimit){50, 151};
  T(setrlimit(RLIMIT_NOFILE, &l));
  l = (struct rlimit){150, 150};
  T(setrlimit(RLIMIT_NOFILE, &l));
  return done();
}
