// A #! script runs its interpreter with the optional argument, the script's path and the rest; scripts nest.
#include "../include/t.h"

int main(int argc, char **argv) {
  char path[4096] = {0}, script[5000];
  readlink("/proc/self/exe", path, sizeof path - 1);
  if (argc > 2) {
    IS(strcmp(argv[0], path) == 0);
    for (int i = 1; i < argc; i++) SAY("[%s]", argv[i]);
    if (strcmp(argv[argc - 1], "last") == 0) return 9;
    unsetenv("T_X");
    sprintf(script, "#! ./inner  inner argument \n");
    put("outer", script);
    sprintf(script, "#!%s\ttwo words here  \t\nignored\n", path);
    put("inner", script);
    T(chmod("outer", 0755) | chmod("inner", 0755));
    T(execl("./outer", "zero", "last", (char *)0));
    return 1;
  }
  sprintf(script, "#!%s -x\n", path);
  put("script", script);
  T(chmod("script", 0755));
  setenv("T_HERE", "1", 1);
  T(execl("script", "argv0", "one", "two words", (char *)0));
  return 1;
}
