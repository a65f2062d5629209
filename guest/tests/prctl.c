// prctl: the thread's name, dumpability, no-new-privileges, parent-death signal, unknown options.
#include "../include/t.h"
#include <sys/prctl.h>

int main(void) {
  char name[17] = {0};
  T(prctl(PR_GET_NAME, name));
  SAY("%s", name);
  T(prctl(PR_SET_NAME, "a name that is far too long"));
  T(prctl(PR_GET_NAME, name));
  SAY("%s", name);
  char b[64] = {0};
  int fd = open("/proc/self/comm", O_RDWR);
  T(read(fd, b, 63));
  printf("%s", b);
  T(prctl(PR_GET_DUMPABLE));
  T(prctl(PR_SET_DUMPABLE, 0));
  T(prctl(PR_GET_DUMPABLE));
  T(prctl(PR_SET_DUMPABLE, 7));
  T(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  T(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  T(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  T(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
  int signal_ = -1;
  T(prctl(PR_SET_PDEATHSIG, 15));
  T(prctl(PR_GET_PDEATHSIG, &signal_));
  T(signal_);
  T(prctl(PR_SET_PDEATHSIG, 1000));
  T(prctl(PR_GET_KEEPCAPS));
  T(prctl(PR_CAPBSET_READ, 0));
  T(prctl(PR_CAPBSET_READ, 1000));
  T(prctl(PR_SET_NAME, 8));
  T(prctl(12345));
  T(prctl(PR_GET_TIMERSLACK));
  return done();
}
