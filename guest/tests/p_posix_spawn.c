// posix_spawn, popen and system work.
//: env PATH=/usr/bin:/bin
#include "../include/t.h"
#include <spawn.h>
#include <sys/wait.h>

int main(int argc, char **argv) {
  if (argc > 1) {
    SAY("spawned with %s", argv[1]);
    return 8;
  }
  char path[4096] = {0}, *args[] = {"x", "argument", 0}, *env[] = {"T_HERE=1", 0};
  readlink("/proc/self/exe", path, sizeof path - 1);
  pid_t child;
  int status;
  posix_spawn_file_actions_t a;
  posix_spawn_file_actions_init(&a);
  posix_spawn_file_actions_addopen(&a, 1, "out", O_WRONLY | O_CREAT, 0644);
  E(posix_spawn(&child, path, &a, 0, args, env));
  waitpid(child, &status, 0);
  T(WEXITSTATUS(status));
  show("out");
  E(posix_spawn(&child, "/none", 0, 0, args, env));
  return done();
}
