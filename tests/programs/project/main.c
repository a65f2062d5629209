#include <stdio.h>
#include "all.h"
int main(void) { printf("%d\n", f1(1000) + f2(1000) + f3(500) + f4(300) + f5(5000) + f6(100) + f7(10) + f8(1)); return 0; }
