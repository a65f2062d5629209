// fork and exec with a pipe between: the child's output is the parent's input.
#include "../include/t.h"
#include <sys/wait.h>

int main(int argc, char **argv) {
  if (argc > 1) {
    SAY("child says %s", argv[1]);
    return 12;
  }
  char path[4096] = {0}, b[100] = {0};
  readlink("/proc/self/exe", path, sizeof path - 1);
  int p[2], status;
  T(pipe2(p, O_CLOEXEC));
  pid_t child = fork();
  if (child == 0) {
    dup2(p[1], 1);
    setenv("T_HERE", "1", 1);
    execl(path, "x", "hello", (char *)0);
    _exit(1);
  }
  close(p[1]);
  T(read(p[0], b, 99));
  printf("%s", b);
  T(read(p[0], b, 99));
  waitpid(child, &status, 0);
  T(WEXITSTATUS(status));
  pid_t v = vfork();
  if (v == 0) { execl("/none", "x", (char *)0); _exit(errno == ENOENT ? 44 : 45); }
  waitpid(v, &status, 0);
  T(WEXITSTATUS(status));
  return done();
}
