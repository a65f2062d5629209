// Ctrl-C ends the program like a signal does.
//: terminal 24x80
//: type \x03
#include "../include/t.h"

int main(void) {
  SAY("ready");
  for (;;) pause();
}
