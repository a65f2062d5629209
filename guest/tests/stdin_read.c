// Standard input is read to its end, in pieces.
//: stdin one line\nanother line\nno newline at the end
#include "../include/t.h"

int main(void) {
  char line[100];
  while (fgets(line, sizeof line, stdin)) printf("[%s]\n", line);
  IS(feof(stdin));
  T(read(0, line, 10));
  return done();
}
