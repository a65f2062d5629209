// Lines are edited before they are read: echo, erase, kill, end of file; a long line comes in pieces.
//: terminal 24x80
//: type hello\n
//: type abx\x7fc\n
//: type forget this\x15kept\n
//: type half\x04
//: type \x04
//: type a long line in pieces\n
#include "../include/t.h"

static void get(size_t size) {
  char b[100] = {0};
  SAY("ready");
  long n = read(0, b, size);
  printf("%ld:", n);
  for (long i = 0; i < n; i++) printf(b[i] >= ' ' ? " %c" : " %d", b[i]);
  putchar('\n');
}

int main(void) {
  for (int i = 0; i < 5; i++) get(99);
  get(6);
  char b[100] = {0};
  T(read(0, b, 99));
  return done();
}
