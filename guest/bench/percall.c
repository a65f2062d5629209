/* What one operation costs, in guest instructions (see meter.h). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "init.h"
#include "mark.h"
#include "meter.h"

static char block[1 << 20], other[1 << 20];

/* System calls that return at once. */
static void measure_entry(void) {
    MEASURE("empty_loop", 100000, { __asm__ volatile(""); });
    MEASURE("getpid", 100000, {
        long result;
        __asm__ volatile("syscall" : "=a"(result) : "a"((long)SYS_getpid) : "rcx", "r11", "memory");
        failed = result <= 0;
    });
    MEASURE("clock_gettime", 100000, {
        struct timespec now;
        failed = clock_gettime(CLOCK_MONOTONIC, &now) != 0;
    });
}

/* Devices and files. */
static void measure_files(const char *self) {
    int zero = open("/dev/zero", O_RDONLY);
    MEASURE("read_zero_1", 50000, { failed |= read(zero, block, 1) != 1; });
    MEASURE("read_zero_4096", 20000, { failed |= read(zero, block, 4096) != 4096; });
    close(zero);

    int file = open(self, O_RDONLY);
    struct stat status;
    MEASURE("pread_1", 20000, { failed |= pread(file, block, 1, 64) != 1; });
    MEASURE("pread_4096", 10000, { failed |= pread(file, block, 4096, 4096) != 4096; });
    MEASURE("lseek", 50000, { failed |= lseek(file, 0, SEEK_SET) != 0; });
    MEASURE("fstat", 50000, { failed |= fstat(file, &status) != 0; });
    close(file);

    int null = open("/dev/null", O_RDWR);
    MEASURE("write_null_1", 50000, { failed |= write(null, block, 1) != 1; });
    close(null);
    MEASURE("open_close_null", 5000, {
        int opened = open("/dev/null", O_RDWR);
        failed |= opened < 0;
        close(opened);
    });
    MEASURE("stat_root", 20000, { failed |= stat("/", &status) != 0; });
}

/* The C library and string instructions: nothing of the kernel's, but it shows what a virtual machine does to them. */
static void measure_library(void) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    MEASURE("malloc_free_64", 100000, {
        void *volatile piece = malloc(64);
        free(piece);
    });
    MEASURE("memcpy_64k", 2000, {
        memcpy(block, other, 65536);
        __asm__ volatile("" ::: "memory");
    });
    MEASURE("mutex", 100000, {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    });
}

/* Two threads that answer each other through a pair of descriptors. */
enum { ROUNDS = 10000 };
static int here_in, here_out, there_in, there_out;

static void *answer(void *nothing) {
    answer_rounds(ROUNDS, there_in, there_out);
    return nothing;
}

static void measure_answers(const char *name) {
    pthread_t peer;
    if (pthread_create(&peer, 0, answer, 0) || !ask_rounds(name, ROUNDS, here_in, here_out)) {
        missing(name);
    } else {
        pthread_join(peer, 0);
    }
}

static void measure_pipes(void) {
    int to[2], from[2];
    char byte = 'x';
    if (pipe(to) || pipe(from)) {
        missing("pipe_write_read");
        missing("pipe_ping_pong");
    } else {
        MEASURE("pipe_write_read", 20000, { failed |= write(to[1], &byte, 1) != 1 || read(to[0], &byte, 1) != 1; });
        here_out = to[1], there_in = to[0], there_out = from[1], here_in = from[0];
        measure_answers("pipe_ping_pong");
    }
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, to)) {
        missing("socketpair_ping_pong");
    } else {
        here_out = here_in = to[0], there_out = there_in = to[1];
        measure_answers("socketpair_ping_pong");
    }
}

static pthread_mutex_t turn_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
static int turn;

static void *take_turns(void *nothing) {
    pthread_mutex_lock(&turn_mutex);
    for (long n = 0; n < WARM_UP + ROUNDS; n++) {
        while (turn != 1) pthread_cond_wait(&turn_changed, &turn_mutex);
        turn = 0;
        pthread_cond_signal(&turn_changed);
    }
    pthread_mutex_unlock(&turn_mutex);
    return nothing;
}

static void *yield_until(void *stop) {
    while (!*(volatile int *)stop) sched_yield();
    return 0;
}

static void *do_nothing(void *nothing) { return nothing; }

static void measure_threads(void) {
    pthread_t peer;
    if (pthread_create(&peer, 0, take_turns, 0)) {
        missing("condition_ping_pong");
        missing("sched_yield");
        missing("thread_create_join");
        return;
    }
    pthread_mutex_lock(&turn_mutex);
    for (long n = 0; n < WARM_UP + ROUNDS; n++) {
        if (n == WARM_UP) begin();
        turn = 1;
        pthread_cond_signal(&turn_changed);
        while (turn != 0) pthread_cond_wait(&turn_changed, &turn_mutex);
    }
    end("condition_ping_pong", ROUNDS);
    pthread_mutex_unlock(&turn_mutex);
    pthread_join(peer, 0);

    volatile int stop = 0;
    if (!pthread_create(&peer, 0, yield_until, (void *)&stop)) {
        MEASURE("sched_yield", 20000, { failed |= sched_yield() != 0; });
        stop = 1;
        pthread_join(peer, 0);
    }
    MEASURE("thread_create_join", 1000, { failed |= pthread_create(&peer, 0, do_nothing, 0) != 0 || pthread_join(peer, 0) != 0; });
}

static char *map(size_t size) { return mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

static void measure_memory(void) {
    MEASURE("mmap_munmap", 2000, {
        char *page = map(4096);
        failed |= page == MAP_FAILED || munmap(page, 4096) != 0;
    });
    MEASURE("mmap_touch_munmap", 2000, {
        char *page = map(4096);
        failed |= page == MAP_FAILED;
        if (!failed) *(volatile char *)page = 1;
        munmap(page, 4096);
    });

    const size_t large = 64u << 20;
    for (int round = 0; round < 2; round++) {
        begin();
        char *area = map(large);
        if (area == MAP_FAILED) {
            missing("touch_64m_page");
            return;
        }
        for (size_t at = 0; at < large; at += 4096) ((volatile char *)area)[at] = 1;
        end(round ? "touch_64m_page_again" : "touch_64m_page", large / 4096);
        begin();
        munmap(area, large);
        end(round ? "munmap_64m_again" : "munmap_64m", 1);
    }
}

int main(int argc, char **argv) {
    MARK_MAIN;
    init_begin();
    memset(block, 1, sizeof block);
    memset(other, 2, sizeof other);

    measure_entry();
    measure_files(argv[0]);
    measure_library();
    if (argc < 2) measure_memory();
    measure_pipes();
    measure_threads();
    printf("done\n");
    fflush(stdout);
    MARK_END;
    init_end();
    return 0;
}
