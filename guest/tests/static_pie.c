// A static position-independent program relocates itself and runs.
//: link static-pie
#include "../include/t.h"
#include <sys/auxv.h>

static const char *const names[] = {"relocated", "pointers", "work"};

int main(void) {
  for (int i = 0; i < 3; i++) SAY("%s", names[i]);
  IS(getauxval(AT_BASE) == 0);
  return 6;
}
