// Mounting: a file system in memory, binds, remounting read only, unmounting, and the errors of each.
//: root
//: linux-differs
#include "../include/t.h"
#include <sys/mount.h>

int main(void) {
  mkdir("m", 0755), mkdir("n", 0755);
  put("plain", "x");
  T(mount("none", "m", "tmpfs", MS_NOSUID, "size=1m,mode=700"));
  struct stat s;
  T(stat("m", &s));
  SAY("%o", s.st_mode);
  put("m/f", "in memory");
  T(mount("m", "n", 0, MS_BIND, 0));
  show("n/f");
  T(mount(0, "n", 0, MS_REMOUNT | MS_BIND | MS_RDONLY, 0));
  T(open("n/g", O_CREAT | O_WRONLY, 0644));
  T(open("n/f", O_WRONLY));
  T(rmdir("n"));
  T(umount("n"));
  T(umount("n"));
  T(access("n/f", F_OK));
  T(mount("none", "m", "nonsense", 0, 0));
  T(mount("none", "m", "tmpfs", 0, "nonsense"));
  T(mount("none", "plain", "tmpfs", 0, 0));
  T(mount("none", "missing", "tmpfs", 0, 0));
  T(umount("m"));
  T(access("m/f", F_OK));
  T(umount2("m", 64));
  IS(access("/proc/self/status", R_OK) == 0 || mount("proc", "/proc", "proc", 0, 0) == 0);
  return done();
}
