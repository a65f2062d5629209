// The terminal's output processing: a line end becomes carriage return and line feed, other bytes pass.
//: terminal 24x80
#include "../include/t.h"

int main(void) {
  T(write(1, "one\ntwo\r\nthree\tfour\x1b[1mfive\x1b[0m\n", 35) > 0);
  for (int i = 0; i < 200; i++) SAY("line %d", i);
  return done();
}
