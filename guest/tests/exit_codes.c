// Only the low eight bits of the exit code count; buffers are flushed and handlers run in reverse order.
#include "../include/t.h"

static void first(void) { SAY("registered first, run last"); }
static void second(void) { SAY("registered second, run first"); }

int main(void) {
  atexit(first);
  atexit(second);
  printf("not yet flushed ");
  exit(0x107);
}
