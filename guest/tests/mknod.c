// mknod makes files, FIFOs and devices; a null device made by hand is a null device.
//: root
#include "../include/t.h"
#include <sys/sysmacros.h>

int main(void) {
  struct stat st;
  umask(0);
  T(mknod("f", S_IFREG | 0644, 0));
  T(mknod("g", 0600, 0));
  T(mknod("p", S_IFIFO | 0600, 0));
  T(mknod("s", S_IFSOCK | 0600, 0));
  T(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
  T(mknod("d", S_IFDIR | 0755, 0));
  T(mknod("l", S_IFLNK | 0755, 0));
  T(mknod("f", S_IFREG | 0644, 0));
  T(stat("g", &st));
  T(st.st_mode);
  T(stat("s", &st));
  T(st.st_mode);
  T(open("s", O_RDONLY));
  T(stat("null", &st));
  SAY("%o %d:%d", st.st_mode, major(st.st_rdev), minor(st.st_rdev));
  T(mknod("nodev", S_IFCHR | 0666, makedev(240, 77)));
  T(open("nodev", O_RDONLY));
  return done();
}
