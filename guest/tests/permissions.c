// Without privilege, the owner's, the group's and the others' bits decide, for files and for directories on the way.
//: root
#include "../include/t.h"

static void probe(const char *path) {
  SAY("%s: r%d w%d x%d", path, !access(path, R_OK), !access(path, W_OK), !access(path, X_OK));
}

int main(void) {
  umask(0);
  T(chmod(".", 0777));
  put("mine", "x"), put("group", "x"), put("other", "x");
  T(chown("mine", 1000, 1000) | chown("group", 0, 1000));
  T(chmod("mine", 0467) | chmod("group", 0706) | chmod("other", 0071));
  T(mkdir("closed", 0700) | mkdir("blind", 0711) | mkdir("sticky", 01777));
  put("closed/f", ""), put("blind/f", ""), put("sticky/f", "");
  T(chmod("closed/f", 0666) | chmod("blind/f", 0666) | chmod("sticky/f", 0666));
  T(syscall(SYS_setgroups, 0, 0));
  T(setresgid(1000, 1000, 1000));
  T(setresuid(1000, 1000, 1000));
  probe("mine"), probe("group"), probe("other");
  OK(open("mine", O_RDONLY));
  OK(open("mine", O_WRONLY));
  OK(open("other", O_RDONLY));
  OK(open("other", O_WRONLY));
  OK(open("closed/f", O_RDONLY));
  OK(open("closed", O_RDONLY));
  OK(open("blind/f", O_RDONLY));
  OK(open("blind", O_RDONLY));
  T(mkdir("blind/new", 0755));
  T(unlink("blind/f"));
  T(unlink("sticky/f"));
  T(rename("sticky/f", "sticky/g"));
  put("sticky/mine", "");
  T(unlink("sticky/mine"));
  T(chmod("other", 0777));
  T(chown("mine", 0, 0));
  T(chown("mine", -1, 1000));
  T(chmod("mine", 0600));
  T(chdir("closed"));
  T(chdir("blind"));
  T(setuid(0));
  T(truncate("../other", 0));
  return done();
}
