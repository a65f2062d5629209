/* The smallest program that is one: how many guest instructions pass from reset to its `main` is the boot budget. Its figure comes from the
 * counting plugin, or from the time-stamp counter where one instruction is one tick (`-icount shift=0`) and nothing idles before `main`. */
#include <stdint.h>
#include <stdio.h>

#include "init.h"
#include "mark.h"

int main(void) {
    MARK_MAIN;
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    printf("hello from main at tick %llu\n", (unsigned long long)high << 32 | low);
    fflush(stdout);
    MARK_END;
    init_end();
    return 0;
}
