// A server that is to live through storms: on each CPU a thread with a listener and an epoll set of its own, at port 80. It keeps nothing for a connection but a few words in a table that is there from the beginning, so what the machine has less of
// afterwards is the kernel's.
//
// What a client says in one line: "get N" has N bytes sent and the end; "forever" has bytes sent as long as they are taken; "memory" tells what the kernel says of its memory; "stop" ends the program. Until a line is whole nothing happens. At UDP port 80
// there is a socket that nobody reads.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 70000, BURST = 256 };

// Of each connection, by descriptor: its line as far as it has come, and how many bytes are still to be sent.
static struct {
  char line[20];
  unsigned char len, sends;
  long left;
} known[MOST];
static char pattern[65536];
static long served;

static void must(int ok, const char *what) {
  if (ok) return;
  printf("%s: %s\n", what, strerror(errno));
  exit(1);
}

// The lines of a file that begin with one of some words.
static int quote(char *to, int room, const char *file, const char *words) {
  char line[256];
  FILE *in = fopen(file, "r");
  int len = 0;
  while (in && fgets(line, sizeof line, in)) {
    char name[64] = " ";
    sscanf(line, "%61[^:]", name + 1);
    strcat(name, " ");
    if (strstr(words, name)) len += snprintf(to + len, room - len, "%s", line);
  }
  if (in) fclose(in);
  return len;
}

static void tell_memory(int c) {
  char text[4096];
  int len = quote(text, sizeof text, "/proc/meminfo", " MemTotal MemFree Slab KernelStack PageTables ");
  len += quote(text + len, sizeof text - len, "/proc/net/sockstat", " sockets TCP UDP FRAG ");
  must(write(c, text, len) == len, "write");
}

static void end(int c) {
  memset(&known[c], 0, sizeof known[c]);
  close(c);
}

// Sends what is taken; whether there is more.
static int give(int c) {
  while (known[c].left) {
    long len = known[c].left > 0 && known[c].left < (long)sizeof pattern ? known[c].left : (long)sizeof pattern;
    long done = send(c, pattern, len, MSG_NOSIGNAL);
    if (done < 0) return errno == EAGAIN || errno == ENOBUFS;
    if (known[c].left > 0) known[c].left -= done;
  }
  return 0;
}

// Hears what a client says; whether the connection goes on.
static int hear(int c) {
  for (;;) {
    char bytes[256];
    long got = read(c, bytes, sizeof bytes);
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return 0;
    if (known[c].sends) continue;
    for (long i = 0; i < got && known[c].len < sizeof known[c].line - 1; i++) known[c].line[known[c].len++] = bytes[i];
    if (!strchr(known[c].line, '\n')) continue;
    __atomic_fetch_add(&served, 1, __ATOMIC_RELAXED);
    known[c].sends = 1;
    if (!strncmp(known[c].line, "get ", 4)) known[c].left = atol(known[c].line + 4);
    else if (!strcmp(known[c].line, "forever\n")) known[c].left = -1;
    else if (!strcmp(known[c].line, "memory\n")) return tell_memory(c), 0;
    else if (!strcmp(known[c].line, "stop\n")) close(c), printf("served %ld\n", served), exit(0);
    else return 0;
    return give(c);
  }
}

static void *serve(void *listener) {
  int l = (int)(long)listener, e = epoll_create1(0);
  struct epoll_event all[BURST], one = {.events = EPOLLIN, .data.fd = l};
  must(!epoll_ctl(e, EPOLL_CTL_ADD, l, &one), "epoll_ctl");
  for (;;) {
    int count = epoll_wait(e, all, BURST, -1);
    for (int i = 0; i < count; i++) {
      int c = all[i].data.fd;
      if (c != l) {
        int goes_on = all[i].events & EPOLLIN ? hear(c) : 1;
        if (goes_on && all[i].events & EPOLLOUT && known[c].sends) goes_on = give(c);
        if (!goes_on || all[i].events & (EPOLLERR | EPOLLHUP)) end(c);
        continue;
      }
      for (int n = 0; n < BURST && (c = accept4(l, 0, 0, SOCK_NONBLOCK)) >= 0; n++) {
        one = (struct epoll_event){.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = c};
        if (c >= MOST || epoll_ctl(e, EPOLL_CTL_ADD, c, &one)) close(c);
      }
    }
  }
  return 0;
}

int main(void) {
  struct rlimit many = {MOST, MOST};
  must(!setrlimit(RLIMIT_NOFILE, &many), "setrlimit");
  setvbuf(stdout, 0, _IOLBF, 0);
  for (unsigned i = 0; i < sizeof pattern; i++) pattern[i] = i * 131 >> 3;
  memset(known, 1, sizeof known);
  memset(known, 0, sizeof known);
  struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
  int u = socket(AF_INET6, SOCK_DGRAM, 0), on = 1;
  must(!bind(u, (void *)&own, sizeof own), "bind");
  for (long cpu = sysconf(_SC_NPROCESSORS_ONLN); cpu > 0; cpu--) {
    int l = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(l, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    must(!bind(l, (void *)&own, sizeof own), "bind");
    must(!listen(l, 4096), "listen");
    pthread_t thread;
    if (cpu > 1) must(!pthread_create(&thread, 0, serve, (void *)(long)l), "thread");
    else puts("listening"), serve((void *)(long)l);
  }
}
