// abort() ends with SIGABRT.
#include "../include/t.h"

int main(void) {
  SAY("before");
  abort();
}
