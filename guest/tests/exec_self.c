// execve replaces the program: new arguments and environment, close-on-exec, kept directory, mask and process id.
#include "../include/t.h"

int main(int argc, char **argv) {
  char path[4096] = {0};
  readlink("/proc/self/exe", path, sizeof path - 1);
  if (argc == 3 && strcmp(argv[1], "second") == 0) {
    SAY("%s %s", argv[0], argv[2]);
    IS(getenv("NEW") && strcmp(getenv("NEW"), "yes") == 0 && !getenv("OLD"));
    T(fcntl(10, F_GETFD));
    T(fcntl(11, F_GETFD));
    T(access("marker", F_OK));
    T(umask(0));
    char pid[20];
    sprintf(pid, "%d", getpid());
    show("marker");
    IS(strcmp(getenv("PID"), pid) == 0);
    return 42;
  }
  setenv("OLD", "1", 1);
  T(mkdir("d", 0755));
  T(chdir("d"));
  put("marker", "found");
  umask(027);
  T(dup2(1, 10));
  T(dup3(1, 11, O_CLOEXEC));
  char pid[30];
  sprintf(pid, "PID=%d", getpid());
  char *args[] = {"another name", "second", "argument", 0}, *env[] = {"NEW=yes", "T_HERE=1", pid, 0};
  T(execve(path, args, env));
  return 1;
}
