// A server whose clients say what it is to do, one line for each connection; and a client.
//
// "get N": sends N bytes and closes. "put": counts bytes until the end and says how many. "echo": sends back what comes, until the end. "reset": closes without a farewell. "idle": says "ok" and keeps the connection. "half": ends its own direction first and counts what still comes. "stop": ends the program, which then says what it saw.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[65536];

static void must(int ok, const char *what) {
    if (!ok) {
        printf("%s: %s\n", what, strerror(errno));
        exit(1);
    }
}

// Bytes that tell where they belong.
static void fill(long at, long len) {
    for (long i = 0; i < len; i++) buffer[i] = (char)((at + i) * 131 >> 3);
}

static int line_of(int c, char *line, int most) {
    int len = 0;
    while (len < most - 1 && read(c, line + len, 1) == 1 && line[len] != '\n') len++;
    line[len] = 0;
    return len;
}

static void give(int c, long count) {
    for (long at = 0; at < count;) {
        long len = count - at < (long)sizeof buffer ? count - at : (long)sizeof buffer;
        fill(at, len);
        long done = write(c, buffer, len);
        if (done < 0) return;
        at += done;
    }
}

static long take(int c) {
    long total = 0, wrong = 0, got;
    while ((got = read(c, buffer, sizeof buffer)) > 0) {
        for (long i = 0; i < got; i++) wrong += buffer[i] != (char)((total + i) * 131 >> 3);
        total += got;
    }
    return wrong ? -wrong : total;
}

static int serve(void) {
    int l = socket(AF_INET6, SOCK_STREAM, 0), on = 1;
    setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
    must(!bind(l, (void *)&own, sizeof own), "bind");
    must(!listen(l, 64), "listen");
    puts("listening");
    fflush(stdout);
    long served = 0;
    for (;;) {
        int c = accept(l, NULL, NULL);
        must(c >= 0, "accept");
        char line[64];
        line_of(c, line, sizeof line);
        served++;
        if (!strncmp(line, "get ", 4)) {
            give(c, atol(line + 4));
        } else if (!strcmp(line, "put")) {
            dprintf(c, "%ld\n", take(c));
        } else if (!strcmp(line, "echo")) {
            long got;
            while ((got = read(c, buffer, sizeof buffer)) > 0) must(write(c, buffer, got) == got, "write");
        } else if (!strcmp(line, "reset")) {
            struct linger now = {1, 0};
            setsockopt(c, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        } else if (!strcmp(line, "half")) {
            must(!shutdown(c, SHUT_WR), "shutdown");
            long got = take(c);
            if (got != 1000000) printf("half: %ld\n", got);
        } else if (!strcmp(line, "idle")) {
            // Kept open, and forgotten.
            must(write(c, "ok\n", 3) == 3, "write");
            continue;
        } else if (!strcmp(line, "info")) {
            struct tcp_info info;
            socklen_t len = sizeof info;
            must(!getsockopt(c, IPPROTO_TCP, TCP_INFO, &info, &len), "TCP_INFO");
            dprintf(c, "state %d mss %d cwnd %s\n", info.tcpi_state, info.tcpi_snd_mss > 500, info.tcpi_snd_cwnd >= 10 ? "10" : "less");
        } else if (!strcmp(line, "stop")) {
            close(c);
            printf("served %ld\n", served);
            return 0;
        }
        close(c);
    }
}

static int call(const char *ip, int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, ip, &to.sin_addr);
    // Nobody listens at the next port.
    struct sockaddr_in nobody = to;
    nobody.sin_port = htons(1);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    int refused = connect(s, (void *)&nobody, sizeof nobody) < 0 ? errno : 0;
    printf("port 1: %s\n", strerror(refused));
    close(s);
    // Without waiting.
    s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int begun = connect(s, (void *)&to, sizeof to) < 0 ? errno : 0;
    struct pollfd wait = {s, POLLOUT, 0};
    must(poll(&wait, 1, 20000) == 1, "poll");
    int error = -1;
    socklen_t len = sizeof error;
    getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &len);
    printf("begun: %s, then: %s, events %x\n", strerror(begun), strerror(error), wait.revents);
    must(write(s, "hello\n", 6) == 6, "write");
    wait.events = POLLIN;
    must(poll(&wait, 1, 20000) == 1, "poll");
    long got = read(s, buffer, sizeof buffer);
    printf("%.*s", (int)(got > 0 ? got : 0), buffer);
    return 0;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    return argc > 2 ? call(argv[1], atoi(argv[2])) : serve();
}
