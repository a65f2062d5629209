/* What it costs to talk over the machine's own network, 127.0.0.1: to connect, to answer each other, to send much, and how that grows with connections that are open
 * and say nothing (see meter.h). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"
#include "meter.h"

enum { ROUNDS = 5000, IDLE = 10000, PIECE = 64 * 1024, PIECES = 512 };

/* Linux begins with the interface down. */
static void loopback_up(void) {
    struct ifreq request = {.ifr_name = "lo"};
    int any = socket(AF_INET, SOCK_DGRAM, 0);
    if (ioctl(any, SIOCGIFFLAGS, &request) == 0) {
        request.ifr_flags |= IFF_UP | IFF_RUNNING;
        ioctl(any, SIOCSIFFLAGS, &request);
    }
    close(any);
}

static struct sockaddr_in here(int socket) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    getsockname(socket, (struct sockaddr *)&address, &length);
    return address;
}

/* A socket with a port of its own that listens, or is there for datagrams. */
static int bound(int kind) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = socket(AF_INET, kind, 0);
    if (bind(one, (struct sockaddr *)&address, sizeof address)) return -1;
    if (kind == SOCK_STREAM && listen(one, 128)) return -1;
    return one;
}

static int connected(int kind, int to) {
    struct sockaddr_in address = here(to);
    int one = socket(AF_INET, kind, 0), yes = 1;
    if (kind == SOCK_STREAM) setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(one, (struct sockaddr *)&address, sizeof address) == 0) return one;
    close(one);
    return -1;
}

/* Two connected sockets. */
static int pair(int listener, int ends[2]) {
    ends[0] = connected(SOCK_STREAM, listener);
    ends[1] = ends[0] < 0 ? -1 : accept(listener, 0, 0);
    int yes = 1;
    if (ends[1] >= 0) setsockopt(ends[1], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return ends[1] < 0;
}

static int wait_for(pid_t child) {
    int status;
    return child < 0 || waitpid(child, &status, 0) != child || status != 0;
}

static void measure_answers(const char *name, int mine, int others) {
    pid_t peer = fork();
    if (!peer) _exit(!answer_rounds(ROUNDS, others, others));
    if (peer < 0 || !ask_rounds(name, ROUNDS, mine, mine)) {
        missing(name);
        if (peer > 0) kill(peer, SIGKILL);
    }
    wait_for(peer);
}

/* Per KiB from one process to another, in pieces of 64 KiB. */
static void measure_stream(const char *name, int mine, int others) {
    static char piece[PIECE];
    const long all = (long)PIECE * PIECES;
    pid_t peer = fork();
    if (!peer) {
        for (long left = all; left > 0;) {
            ssize_t part = read(others, piece, sizeof piece);
            if (part <= 0) _exit(1);
            left -= part;
        }
        _exit(write(others, piece, 1) != 1);
    }
    begin();
    int failed = peer < 0;
    for (long left = all; left > 0 && !failed;) {
        ssize_t part = write(mine, piece, left < PIECE ? (size_t)left : PIECE);
        failed = part <= 0;
        left -= part;
    }
    failed = failed || read(mine, piece, 1) != 1;
    if (failed) {
        missing(name);
    } else {
        end(name, all / 1024);
    }
    wait_for(peer);
}

static void measure_stream_sockets(int listener) {
    int ends[2];
    MEASURE("tcp_connect", 2000, {
        failed |= pair(listener, ends);
        close(ends[0]);
        close(ends[1]);
    });
    if (pair(listener, ends)) {
        missing("tcp_round_trip");
        return;
    }
    measure_answers("tcp_round_trip", ends[0], ends[1]);
    measure_stream("tcp_stream_kib", ends[0], ends[1]);
    close(ends[0]);
    close(ends[1]);
}

static void measure_datagrams(void) {
    int one = bound(SOCK_DGRAM), other = bound(SOCK_DGRAM);
    struct sockaddr_in first = here(one), second = here(other);
    if (one < 0 || other < 0 || connect(one, (struct sockaddr *)&second, sizeof second) ||
        connect(other, (struct sockaddr *)&first, sizeof first)) {
        missing("udp_round_trip");
        return;
    }
    measure_answers("udp_round_trip", one, other);
    close(one);
    close(other);
}

/* The same while many connections are open, watched, and silent. */
static void measure_with_idle(int listener) {
    static int idle[IDLE][2];
    struct rlimit files = {3 * IDLE, 3 * IDLE};
    int watch = epoll_create1(0), ends[2], opened = 0;
    if (setrlimit(RLIMIT_NOFILE, &files) == 0)
        while (opened < IDLE && !pair(listener, idle[opened])) {
            struct epoll_event event = {.events = EPOLLIN};
            epoll_ctl(watch, EPOLL_CTL_ADD, idle[opened++][1], &event);
        }
    if (opened < IDLE || pair(listener, ends)) {
        missing("tcp_round_trip_idle");
        return;
    }
    /* Children need not have all of them: closing them is not what is measured. */
    MEASURE("tcp_connect_idle", 1000, {
        int more[2];
        failed |= pair(listener, more);
        close(more[0]);
        close(more[1]);
    });
    char byte = 'x';
    MEASURE("tcp_round_trip_idle", 2000, {
        struct epoll_event event = {.events = EPOLLIN};
        epoll_ctl(watch, EPOLL_CTL_ADD, ends[1], &event);
        failed |= write(ends[0], &byte, 1) != 1 || epoll_wait(watch, &event, 1, -1) != 1 || read(ends[1], &byte, 1) != 1;
        epoll_ctl(watch, EPOLL_CTL_DEL, ends[1], 0);
    });
}

int main(void) {
    init_begin();
    loopback_up();
    int listener = bound(SOCK_STREAM);
    if (listener < 0) {
        missing("tcp_connect");
    } else {
        measure_stream_sockets(listener);
        measure_datagrams();
        measure_with_idle(listener);
    }
    puts("done");
    fflush(stdout);
    init_end();
    return 0;
}
