// Division by zero dies of SIGFPE.
#include "../include/t.h"

int main(void) {
  volatile int zero = 0;
  SAY("before");
  return 7 / zero;
}
