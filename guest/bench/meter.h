/* The meter that the benchmark programs share: ticks of the time-stamp counter around a statement, printed as a row.
 *
 * Under `qemu-system-x86_64 -accel tcg -icount shift=0,sleep=off` one guest instruction is one tick, so the figures are guest instructions per
 * operation, the same on every machine, as long as the virtual CPU never idles inside a measured loop. The programs use nothing but the Linux
 * interface, so that the same file runs under any kernel.
 *
 * Output: one line per operation, `row NAME ITERATIONS TICKS`, where TICKS is per operation with one decimal; `missing NAME ERRNO` where the
 * kernel lacks something; `done` at the end. */
#ifndef CHITON_METER_H
#define CHITON_METER_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

static uint64_t ticks(void) {
    uint32_t low, high;
    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

static uint64_t started;
static void begin(void) { started = ticks(); }
static void end(const char *name, long iterations) {
    uint64_t spent = ticks() - started;
    printf("row %s %ld %.1f\n", name, iterations, (double)spent / (double)iterations);
    fflush(stdout);
}

static void missing(const char *name) {
    printf("missing %s %d\n", name, errno);
    fflush(stdout);
}

/* Two that answer each other, byte by byte: rounds before the meter is on. */
enum { WARM_UP = 16 };

/* The one that answers; whether it did, to the end. */
static inline int answer_rounds(long rounds, int in, int out) {
    char byte;
    for (long n = 0; n < WARM_UP + rounds; n++)
        if (read(in, &byte, 1) != 1 || write(out, &byte, 1) != 1) return 0;
    return 1;
}

/* The one that begins, with the meter on; whether it was answered, to the end. The row is printed then. */
static inline int ask_rounds(const char *name, long rounds, int in, int out) {
    char byte = 'x';
    for (long n = 0; n < WARM_UP + rounds; n++) {
        if (n == WARM_UP) begin();
        if (write(out, &byte, 1) != 1 || read(in, &byte, 1) != 1) return 0;
    }
    end(name, rounds);
    return 1;
}

/* Runs a statement a tenth of the times to warm up, and then the given number of times with the meter on. A statement that fails sets `failed`,
 * and the row is missing rather than wrong. */
#define MEASURE(name, iterations, statement)                    \
    do {                                                        \
        int failed = 0;                                         \
        for (long n = 0; n < (iterations) / 10 + 1; n++) {      \
            statement;                                          \
        }                                                       \
        if (failed) {                                           \
            missing(name);                                      \
            break;                                              \
        }                                                       \
        begin();                                                \
        for (long n = 0; n < (iterations); n++) {               \
            statement;                                          \
        }                                                       \
        end(name, (iterations));                                \
    } while (0)

#endif
