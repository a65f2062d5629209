// Endless recursion dies of SIGSEGV at the stack's limit.
//: cflags -Wno-infinite-recursion
#include "../include/t.h"

__attribute__((noinline)) static int forever(int n) {
  volatile char frame[1000];
  frame[0] = (char)n;
  return forever(n + 1) + frame[0];
}

int main(void) {
  SAY("before");
  return forever(0);
}
