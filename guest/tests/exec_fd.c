// fexecve and execveat run what a descriptor names.
#include "../include/t.h"
#include <sys/auxv.h>

int main(int argc, char **argv) {
  if (argc > 1) {
    SAY("stage %s", argv[1]);
    const char *name = (char *)getauxval(AT_EXECFN);
    IS(strncmp(name, "/dev/fd/", 8) == 0);
    if (argv[1][0] == '2') return 3;
  }
  int fd = open("/proc/self/exe", argc > 1 ? O_PATH | O_CLOEXEC : O_RDONLY | O_CLOEXEC);
  char *args[] = {"x", argc > 1 ? "2" : "1", 0}, *env[] = {"T_HERE=1", 0};
  T(syscall(SYS_execveat, fd, "", args, env, AT_EMPTY_PATH));
  return 1;
}
