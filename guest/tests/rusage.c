// getrusage, sysinfo and times fill in what they should.
#include "../include/t.h"
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>

int main(void) {
  struct rusage r, later;
  struct sysinfo s;
  struct tms t;
  char *p = mmap(0, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  T(getrusage(RUSAGE_SELF, &r));
  madvise(p, 4 << 20, MADV_NOHUGEPAGE);
  for (int i = 0; i < 4 << 20; i += 4096) p[i] = 1;
  T(getrusage(RUSAGE_SELF, &later));
  IS(r.ru_maxrss > 0 && later.ru_maxrss >= 4096);
  IS(later.ru_minflt > r.ru_minflt);
  T(getrusage(RUSAGE_CHILDREN, &r));
  T(r.ru_utime.tv_sec);
  T(getrusage(RUSAGE_THREAD, &r));
  T(getrusage(5, &r));
  T(syscall(SYS_getrusage, RUSAGE_SELF, 8));
  T(sysinfo(&s));
  IS(s.totalram > 0 && s.freeram <= s.totalram && s.procs >= 1 && s.mem_unit >= 1 && s.uptime >= 0);
  T(syscall(SYS_sysinfo, 8));
  IS(times(&t) != -1 && t.tms_cutime == 0);
  return done();
}
