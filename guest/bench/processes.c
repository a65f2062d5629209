/* What it costs to have more than one process: to make them, to start programs in them, to switch between them and to talk (see meter.h).
 *
 * Beside it in the root file system lie /bench/true-static, /bench/true-dynamic, and a shell with cat and wc. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "init.h"
#include "mark.h"
#include "meter.h"

static int wait_for(pid_t child) {
    int status;
    return child < 0 || waitpid(child, &status, 0) != child || status != 0;
}

static int fork_and_wait(void) {
    pid_t child = fork();
    if (!child) _exit(0);
    return wait_for(child);
}

static int fork_and_run(char *const program[]) {
    pid_t child = fork();
    if (!child) {
        execv(program[0], program);
        _exit(1);
    }
    return wait_for(child);
}

static int vfork_and_run(char *const program[]) {
    pid_t child = vfork();
    if (!child) {
        execv(program[0], program);
        _exit(1);
    }
    return wait_for(child);
}

static void measure_making(void) {
    char *const fixed[] = {"/bench/true-static", 0};
    char *const linked[] = {"/bench/true-dynamic", 0};
    char *const shell[] = {"/bin/sh", "-c", "echo some words | cat | wc -c >/dev/null", 0};
    MEASURE("fork_exit_wait", 200, { failed |= fork_and_wait(); });
    MEASURE("fork_exec_static", 100, { failed |= fork_and_run(fixed); });
    MEASURE("fork_exec_dynamic", 50, { failed |= fork_and_run(linked); });
    MEASURE("vfork_exec_static", 100, { failed |= vfork_and_run(fixed); });
    MEASURE("shell_pipeline", 10, { failed |= fork_and_run(shell); });
}

/* The same from a process that has a gigabyte, once in large pages and once as many small ones. */
static void measure_large(void) {
    char *const fixed[] = {"/bench/true-static", 0};
    const size_t large = 1u << 30, small = 64u << 20;
    char *area = mmap(0, large, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED) {
        missing("fork_1g");
        return;
    }
    for (size_t at = 0; at < large; at += 4096) ((volatile char *)area)[at] = 1;
    MEASURE("fork_1g", 10, { failed |= fork_and_wait(); });
    MEASURE("vfork_exec_1g", 50, { failed |= vfork_and_run(fixed); });
    MEASURE("write_after_fork_1g", 10, {
        pid_t child = fork();
        if (!child) {
            for (size_t at = 0; at < large; at += large / 16) ((volatile char *)area)[at] = 2;
            _exit(0);
        }
        failed |= wait_for(child);
    });
    munmap(area, large);
    area = mmap(0, small, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED || madvise(area, small, MADV_NOHUGEPAGE)) {
        missing("fork_64m_small");
        return;
    }
    for (size_t at = 0; at < small; at += 4096) ((volatile char *)area)[at] = 1;
    MEASURE("fork_64m_small", 10, { failed |= fork_and_wait(); });
    munmap(area, small);
}

/* Two processes that answer each other. */
static void measure_answers(const char *name, int here_in, int here_out, int there_in, int there_out) {
    const long rounds = 5000;
    pid_t peer = fork();
    if (!peer) _exit(!answer_rounds(rounds, there_in, there_out));
    if (peer < 0 || !ask_rounds(name, rounds, here_in, here_out)) {
        missing(name);
    } else {
        wait_for(peer);
    }
}

static void measure_talking(void) {
    int to[2], from[2];
    if (pipe(to) || pipe(from)) {
        missing("process_ping_pong");
    } else {
        measure_answers("process_ping_pong", from[0], to[1], to[0], from[1]);
    }
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, to)) {
        missing("process_socketpair");
    } else {
        measure_answers("process_socketpair", to[0], to[0], to[1], to[1]);
    }
    struct termios raw;
    if (openpty(&to[0], &to[1], 0, 0, 0) || tcgetattr(to[1], &raw)) {
        missing("process_pty");
        return;
    }
    cfmakeraw(&raw);
    tcsetattr(to[1], TCSANOW, &raw);
    measure_answers("process_pty", to[0], to[0], to[1], to[1]);
}

static volatile sig_atomic_t signals;
static void count_signal(int number) { signals += number != 0; }

static void measure_signals(void) {
    struct sigaction action = {.sa_handler = count_signal};
    sigaction(SIGUSR1, &action, 0);
    pid_t self = getpid();
    MEASURE("signal_round_trip", 5000, { failed |= kill(self, SIGUSR1) != 0; });
}

static void measure_epoll(void) {
    enum { MANY = 1000 };
    static int files[MANY];
    const struct rlimit limit = {4096, 4096};
    setrlimit(RLIMIT_NOFILE, &limit);
    int set = epoll_create1(0);
    for (int n = 0; n < MANY; n++) {
        files[n] = eventfd(0, EFD_NONBLOCK);
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)n};
        if (files[n] < 0 || epoll_ctl(set, EPOLL_CTL_ADD, files[n], &event)) {
            missing("epoll_1000");
            return;
        }
    }
    int next = 0;
    MEASURE("epoll_1000", 5000, {
        uint64_t value = 1;
        struct epoll_event event;
        next = (next + 7) % MANY;
        failed |= write(files[next], &value, sizeof value) != sizeof value;
        failed |= epoll_wait(set, &event, 1, -1) != 1 || event.data.u32 != (uint32_t)next;
        failed |= read(files[next], &value, sizeof value) != sizeof value;
    });
    for (int n = 0; n < MANY; n++) close(files[n]);
    close(set);
}

int main(void) {
    MARK_MAIN;
    init_begin();
    measure_making();
    measure_talking();
    measure_signals();
    measure_epoll();
    measure_large();
    printf("done\n");
    fflush(stdout);
    MARK_END;
    init_end();
    return 0;
}
