// Two runs of a program are placed differently.
//: link static-pie
#include "../include/t.h"

int main(int argc, char **argv) {
  char path[4096] = {0}, here[4][20], *env[] = {"T_HERE=1", 0};
  readlink("/proc/self/exe", path, sizeof path - 1);
  sprintf(here[0], "%lx", (unsigned long)main);
  sprintf(here[1], "%lx", (unsigned long)__builtin_frame_address(0));
  sprintf(here[2], "%lx", (unsigned long)mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  sprintf(here[3], "%lx", (unsigned long)sbrk(0));
  if (argc == 5) {
    IS(strcmp(here[0], argv[1]) != 0);
    IS(strcmp(here[1], argv[2]) != 0);
    IS(strcmp(here[2], argv[3]) != 0);
    IS(strcmp(here[3], argv[4]) != 0);
    return done();
  }
  char *args[] = {"x", here[0], here[1], here[2], here[3], 0};
  execve(path, args, env);
  return 1;
}
