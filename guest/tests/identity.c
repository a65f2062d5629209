// Who the process is: user and group ids, sessions, groups, and changing them as the superuser.
//: root
#include "../include/t.h"
#include <grp.h>
#include <sys/fsuid.h>

static void ids(void) {
  uid_t r, e, s;
  gid_t gr, ge, gs;
  getresuid(&r, &e, &s);
  getresgid(&gr, &ge, &gs);
  SAY("users %d %d %d groups %d %d %d", r, e, s, gr, ge, gs);
}

int main(void) {
  gid_t groups[70];
  ids();
  IS(getuid() == 0 && geteuid() == 0 && getgid() == 0 && getegid() == 0);
  IS(getpid() > 0 && getppid() >= 0);
  T(setgroups(3, (gid_t[]){10, 20, 30}));
  T(getgroups(0, 0));
  T(getgroups(2, groups));
  T(getgroups(70, groups));
  SAY("%d %d %d", groups[0], groups[1], groups[2]);
  T(setgroups(70000, groups));
  T(setegid(7));
  ids();
  T(setresgid(5, 6, -1));
  ids();
  T(setregid(8, 9));
  ids();
  T(setreuid(100, -1));
  ids();
  T(seteuid(200));
  ids();
  T(setuid(300));
  T(setuid(100));
  ids();
  T(setgid(1));
  T(setgroups(0, 0));
  T(seteuid(0));
  ids();
  T(setresuid(1, 1, 1));
  ids();
  T(setresuid(0, 0, 0));
  T(setfsuid(5) * 0);
  return done();
}
