// uname says Linux on x86_64, with a release that begins with a number; names can be changed.
//: root
#include "../include/t.h"
#include <sys/utsname.h>

int main(void) {
  struct utsname u;
  T(uname(&u));
  SAY("%s %s", u.sysname, u.machine);
  int major, minor;
  IS(sscanf(u.release, "%d.%d", &major, &minor) == 2 && major >= 6);
  IS(u.version[0] == '#');
  IS(strlen(u.nodename) > 0);
  char name[65];
  T(gethostname(name, sizeof name));
  IS(strcmp(name, u.nodename) == 0);
  T(syscall(SYS_uname, 8));
  T(syscall(SYS_sethostname, "x", -1));
  T(syscall(SYS_sethostname, "x", 65));
  T(syscall(SYS_sethostname, 8, 5));
  return done();
}
