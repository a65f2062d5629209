// A thousand arguments and an environment of one megabyte arrive whole.
#include "../include/t.h"

extern char **environ;

int main(int argc, char **argv) {
  char path[4096] = {0};
  readlink("/proc/self/exe", path, sizeof path - 1);
  if (argc > 1) {
    unsigned long sum = 0, count = 0;
    for (int i = 0; i < argc; i++)
      for (char *s = argv[i]; *s; s++) sum = sum * 31 + (unsigned char)*s;
    for (char **e = environ; *e; e++, count++)
      for (char *s = *e; *s; s++) sum = sum * 31 + (unsigned char)*s;
    T(argc);
    T(count);
    SAY("%lx", sum);
    return 0;
  }
  static char *args[1002], *env[102];
  for (int i = 0; i < 1001; i++) args[i] = malloc(30), sprintf(args[i], "argument %d", i);
  for (int i = 0; i < 100; i++) {
    env[i] = malloc(10001);
    memset(env[i], 'a' + i % 26, 10000);
    env[i][10000] = 0;
    memcpy(env[i], "K=", 2);
  }
  env[100] = "T_HERE=1";
  T(execve(path, args, env));
  return 1;
}
