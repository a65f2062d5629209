// A dynamically linked program: its libraries are found, constructors run, dlopen and dlsym work on what is loaded.
//: link dynamic
#include "../include/t.h"
#include <dlfcn.h>
#include <math.h>
#include <sys/auxv.h>

__attribute__((constructor)) static void early(void) { SAY("constructor"); }
__attribute__((destructor)) static void late(void) { SAY("destructor"); }

int main(void) {
  double (*cosine)(double) = dlsym(RTLD_DEFAULT, "cos");
  IS(cosine && fabs(cosine(0) - 1) < 1e-12);
  volatile double two = 2;
  SAY("%.6f", sqrt(two) * tgamma(two + 2.5));
  IS(getauxval(AT_BASE) != 0);
  IS(dlopen("/none.so", RTLD_NOW) == 0);
  IS(dlopen(0, RTLD_NOW) != 0);
  char *p = strdup("allocated");
  SAY("%s", p);
  return 5;
}
