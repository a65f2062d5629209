// Touching a file mapping behind the end of its file dies of SIGBUS.
#include "../include/t.h"

int main(void) {
  put("f", "short");
  int fd = open("f", O_RDWR);
  char *p = mmap(0, 8192, PROT_READ, MAP_SHARED, fd, 0);
  SAY("%s", p);
  return p[4096];
}
