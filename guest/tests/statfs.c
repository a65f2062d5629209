// statfs knows the kinds of file systems and its numbers are consistent.
#include "../include/t.h"
#include <sys/statfs.h>
#include <sys/statvfs.h>

int main(void) {
  struct statfs s;
  struct statvfs v;
  T(statfs("/proc", &s));
  SAY("%lx", (long)s.f_type);
  T(statfs(".", &s));
  IS(s.f_bsize >= 512 && s.f_bfree <= s.f_blocks && s.f_bavail <= s.f_bfree);
  T(s.f_namelen);
  int fd = open(".", O_RDONLY);
  struct statfs f;
  T(fstatfs(fd, &f));
  IS(f.f_type == s.f_type);
  T(statvfs("/", &v));
  IS(v.f_namemax == 255 && v.f_frsize > 0);
  T(statfs("none", &s));
  T(fstatfs(99, &s));
  T(statfs(".", (void *)8));
  return done();
}
