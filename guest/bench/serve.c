/* The servers that `chiton bench net` puts under load from outside: nginx, redis and iperf3 as Debian ships them, an echo for datagrams, and a port at which the load tells
 * when to begin and asks what has gone through the card:
 *
 *   ready            "ready", once every server listens
 *   packets          "packets COUNT": what has gone through the card so far, both ways
 *   loopback BYTES   sends so much to iperf3 from inside; "done STATUS"
 *   end              switches the machine off
 *
 * As a Linux kernel's first process it brings up first what a distribution would have: modules, the card, and the same image that Chiton runs from. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONTROL = 7000, ECHO = 7001, HTTP = 80, REDIS = 6379, IPERF = 5201 };

static void load_modules(void) {
    struct dirent **names;
    int count = scandir("/modules", &names, 0, alphasort);
    for (int at = 0; at < count; at++) {
        char path[300];
        snprintf(path, sizeof path, "/modules/%s", names[at]->d_name);
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (names[at]->d_name[0] != '.' && syscall(SYS_finit_module, file, "", 0)) perror(path);
        close(file);
    }
}

static struct sockaddr address_of(const char *text) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(text)};
    struct sockaddr plain;
    memcpy(&plain, &address, sizeof plain);
    return plain;
}

static void interface_up(int any, const char *name, const char *own) {
    struct ifreq request = {0};
    strcpy(request.ifr_name, name);
    if (own) {
        request.ifr_addr = address_of(own);
        ioctl(any, SIOCSIFADDR, &request);
        request.ifr_netmask = address_of("255.255.255.0");
        ioctl(any, SIOCSIFNETMASK, &request);
    }
    ioctl(any, SIOCGIFFLAGS, &request);
    request.ifr_flags |= IFF_UP;
    if (ioctl(any, SIOCSIFFLAGS, &request)) perror(name);
}

static void mount_tree(const char *from, const char *at, const char *kind) {
    if (mount(from, at, kind, strcmp(kind, "erofs") ? 0 : MS_RDONLY, 0)) perror(at);
}

/* What is missing around the first process of a Linux kernel. */
static void begin_as_init(void) {
    mkdir("/dev", 0755);
    mkdir("/root", 0755);
    mount_tree("devtmpfs", "/dev", "devtmpfs");
    load_modules();
    int any = socket(AF_INET, SOCK_DGRAM, 0);
    interface_up(any, "lo", 0);
    interface_up(any, "eth0", "10.0.2.15");
    struct rtentry route = {.rt_dst = address_of("0.0.0.0"), .rt_genmask = address_of("0.0.0.0"), .rt_gateway = address_of("10.0.2.2"), .rt_flags = RTF_UP | RTF_GATEWAY};
    if (ioctl(any, SIOCADDRT, &route)) perror("route");
    close(any);
    mount_tree("/dev/vda", "/root", "erofs");
    mount_tree("devtmpfs", "/root/dev", "devtmpfs");
    mount_tree("proc", "/root/proc", "proc");
    mount_tree("sysfs", "/root/sys", "sysfs");
    for (const char *const *at = (const char *const[]){"/root/tmp", "/root/run", "/root/var/lib/nginx", "/root/var/log/nginx", 0}; *at; at++) mount_tree("tmpfs", *at, "tmpfs");
    if (chdir("/root") || chroot(".")) perror("chroot");
    struct rlimit files = {20000, 20000};
    setrlimit(RLIMIT_NOFILE, &files);
    /* Background threads of the kernel are busy for a while after boot and would be counted. */
    sleep(3);
}

static pid_t start(const char *const words[]) {
    pid_t child = fork();
    if (child) return child;
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, 0);
    dup2(nothing, 1);
    execv(words[0], (char *const *)words);
    perror(words[0]);
    _exit(127);
}

static struct sockaddr_in port(int number, uint32_t ip) { return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(number), .sin_addr.s_addr = htonl(ip)}; }

static int bound(int kind, int number) {
    struct sockaddr_in address = port(number, INADDR_ANY);
    int one = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
    if (bind(one, (struct sockaddr *)&address, sizeof address) || (kind == SOCK_STREAM && listen(one, 16))) perror("bind");
    return one;
}

static void echo(void) {
    int one = bound(SOCK_DGRAM, ECHO);
    if (fork()) return;
    for (;;) {
        char bytes[2048];
        struct sockaddr_in from;
        socklen_t length = sizeof from;
        ssize_t got = recvfrom(one, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &length);
        if (got >= 0) sendto(one, bytes, got, 0, (struct sockaddr *)&from, length);
    }
}

/* Waits until somebody listens at a port. */
static void await(int number) {
    struct sockaddr_in address = port(number, INADDR_LOOPBACK);
    for (int tries = 0; tries < 1000; tries++) {
        int one = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int failed = connect(one, (struct sockaddr *)&address, sizeof address);
        close(one);
        if (!failed) return;
        usleep(10000);
    }
    fprintf(stderr, "nobody listens at port %d\n", number);
}

/* Packets through every card but that of loopback. */
static long packets(void) {
    char line[512];
    long sum = 0;
    FILE *file = fopen("/proc/net/dev", "re");
    while (file && fgets(line, sizeof line, file)) {
        char name[32];
        long in, out;
        if (sscanf(line, " %31[^:]: %*d %ld %*d %*d %*d %*d %*d %*d %*d %ld", name, &in, &out) == 3 && strcmp(name, "lo")) sum += in + out;
    }
    if (file) fclose(file);
    return sum;
}

/* The server listens anew after each client, so that the first try may be too early. */
static int loopback(const char *bytes) {
    int status = -1;
    for (int tries = 0; tries < 5 && status; tries++) {
        usleep(200000);
        pid_t client = start((const char *const[]){"/usr/bin/iperf3", "-c", "127.0.0.1", "-n", bytes, 0});
        if (waitpid(client, &status, 0) != client) return -1;
    }
    return status;
}

/* Answers one who steers; whether that was the end. */
static int steer(FILE *in, FILE *out) {
    char line[64];
    while (fgets(line, sizeof line, in)) {
        char word[32] = "", more[32] = "";
        sscanf(line, "%31s %31s", word, more);
        if (!strcmp(word, "end")) return 1;
        if (!strcmp(word, "packets")) fprintf(out, "packets %ld\n", packets());
        else if (!strcmp(word, "loopback")) fprintf(out, "done %d\n", loopback(more));
        else fprintf(out, "ready\n");
        fflush(out);
    }
    return 0;
}

int main(void) {
    int is_init = getenv("CHITON_BENCH_INIT") != 0;
    if (is_init) begin_as_init();
    start((const char *const[]){"/usr/sbin/nginx", "-c", "/bench/nginx.conf", 0});
    start((const char *const[]){"/usr/bin/redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "", 0});
    start((const char *const[]){"/usr/bin/iperf3", "-s", 0});
    echo();
    await(HTTP);
    await(REDIS);
    await(IPERF);
    int listener = bound(SOCK_STREAM, CONTROL);
    for (int over = 0; !over;) {
        int one = accept4(listener, 0, 0, SOCK_CLOEXEC);
        if (one < 0) continue;
        FILE *in = fdopen(one, "r"), *out = fdopen(dup(one), "w");
        over = steer(in, out);
        fclose(in);
        fclose(out);
    }
    if (is_init) reboot(RB_AUTOBOOT);
    return 0;
}
