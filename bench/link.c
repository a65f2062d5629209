// How fast this machine's own TCP is over a link that loses and reorders: what kernel/net/tcp is compared with.
//
// One process makes two network namespaces with a TUN device each, sends from one to the other, and is itself the link between them: it delays, drops and reorders packets as the link of the tests in
// kernel/net/tcp does, with a generator of its own seed. Needs root; nothing leaves the namespaces.
//
//     link MILLISECONDS LOSS LATE SECONDS SEED
//
// The way one takes MILLISECONDS; LOSS and LATE are in ten thousandths. Prints the bytes a second that arrived.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ull
// As `Link::GOOD` of the tests: bytes a second, and bytes that wait for their turn.
#define RATE 12500000ull
#define QUEUE 250000ull
#define MOST 65536
#define ETHERNET 14

struct packet {
    uint64_t at, number;
    int to, len;
    unsigned char *bytes;
};

static struct packet heap[MOST];
static int waiting;
static uint64_t state;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

// The generator of the tests (splitmix64).
static uint64_t below(uint64_t end) {
    state += 0x9e3779b97f4a7c15;
    uint64_t mixed = state;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return (mixed ^ mixed >> 31) % end;
}

static int before(const struct packet *one, const struct packet *other) {
    return one->at != other->at ? one->at < other->at : one->number < other->number;
}

static void push(struct packet packet) {
    int at = waiting++;
    while (at > 0 && before(&packet, &heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = packet;
}

static struct packet pop(void) {
    struct packet first = heap[0], last = heap[--waiting];
    int at = 0;
    for (;;) {
        int child = 2 * at + 1;
        if (child >= waiting)
            break;
        if (child + 1 < waiting && before(&heap[child + 1], &heap[child]))
            child++;
        if (!before(&heap[child], &last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return first;
}

// A namespace with one device and one address.
static int namespace(const char *address) {
    if (unshare(CLONE_NEWNET))
        err(1, "a network namespace");
    int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    struct ifreq request = {.ifr_name = "link"};
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (device < 0 || ioctl(device, TUNSETIFF, &request))
        err(1, "a TUN device");
    int ip = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in own = {.sin_family = AF_INET};
    inet_pton(AF_INET, address, &own.sin_addr);
    memcpy(&request.ifr_addr, &own, sizeof own);
    if (ioctl(ip, SIOCSIFADDR, &request))
        err(1, "an address");
    inet_pton(AF_INET, "255.255.255.0", &own.sin_addr);
    memcpy(&request.ifr_netmask, &own, sizeof own);
    if (ioctl(ip, SIOCSIFNETMASK, &request))
        err(1, "a mask");
    // As much as waits on the link waits before it, and no more is lost there.
    request.ifr_qlen = 10000;
    ioctl(ip, SIOCSIFTXQLEN, &request);
    request.ifr_flags = IFF_UP;
    if (ioctl(ip, SIOCSIFFLAGS, &request))
        err(1, "the device");
    close(ip);
    return device;
}

static void begin(int priority) {
    struct sched_param param = {.sched_priority = priority};
    sched_setscheduler(0, SCHED_FIFO, &param);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static int stream(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5))
        err(1, "cubic");
    return fd;
}

int main(int count, char **arguments) {
    if (count != 6)
        errx(1, "link MILLISECONDS LOSS LATE SECONDS SEED");
    uint64_t delay = strtoull(arguments[1], 0, 10) * SECOND / 1000, loss = strtoull(arguments[2], 0, 10);
    uint64_t late = strtoull(arguments[3], 0, 10), seconds = strtoull(arguments[4], 0, 10);
    state = strtoull(arguments[5], 0, 10);
    setpgid(0, 0);
    uint64_t *arrived = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int devices[2], ends[2];
    devices[0] = namespace("10.9.0.1");
    ends[0] = stream();
    devices[1] = namespace("10.9.0.2");
    ends[1] = stream();
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(5001)};
    inet_pton(AF_INET, "10.9.0.2", &to.sin_addr);
    if (bind(ends[1], (void *)&to, sizeof to) || listen(ends[1], 1))
        err(1, "listen");
    static char bytes[1 << 16];
    if (fork() == 0) {
        begin(40);
        int fd = accept(ends[1], 0, 0);
        for (ssize_t got; (got = read(fd, bytes, sizeof bytes)) > 0;)
            *arrived += got;
        _exit(0);
    }
    uint64_t end = now() + seconds * SECOND;
    if (fork() == 0) {
        begin(40);
        if (connect(ends[0], (void *)&to, sizeof to))
            err(1, "connect");
        while (write(ends[0], bytes, sizeof bytes) > 0)
            ;
        _exit(0);
    }
    begin(50);
    uint64_t busy[2] = {0, 0}, number = 0;
    for (uint64_t time; (time = now()) < end;) {
        while (waiting && heap[0].at <= time) {
            struct packet packet = pop();
            (void)!write(devices[packet.to], packet.bytes, packet.len);
            free(packet.bytes);
        }
        uint64_t next = waiting && heap[0].at < end ? heap[0].at : end;
        struct timespec wait = {.tv_sec = (next - time) / SECOND, .tv_nsec = (next - time) % SECOND};
        struct pollfd polled[2] = {{devices[0], POLLIN, 0}, {devices[1], POLLIN, 0}};
        if (next <= time)
            continue;
        ppoll(polled, 2, &wait, 0);
        for (int from = 0; from < 2; from++) {
            static unsigned char packet[2048];
            for (ssize_t len; waiting < MOST && (len = read(devices[from], packet, sizeof packet)) > 0;) {
                time = now();
                if (packet[0] >> 4 != 4)
                    continue;
                uint64_t start = busy[from] > time ? busy[from] : time, size = len + ETHERNET;
                if ((start - time) * RATE / SECOND + size > QUEUE || below(10000) < loss)
                    continue;
                busy[from] = start + size * SECOND / RATE;
                uint64_t at = busy[from] + delay + (below(10000) < late ? below(2 * delay) : 0);
                struct packet new = {at, number++, 1 - from, len, malloc(len)};
                memcpy(new.bytes, packet, len);
                push(new);
            }
        }
    }
    printf("%llu\n", (unsigned long long)(*arrived / seconds));
    fflush(stdout);
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
}
