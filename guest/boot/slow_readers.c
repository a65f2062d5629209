// A thousand readers within the machine that do not read, of each kind: TCP on loopback, local streams and messages, pipes, datagrams. Whoever writes is to be held up; nobody is to be without memory for that.
//
// Meanwhile memory can be had, a new connection is served, who may not write is told so by poll too, and who waits to write goes on when somebody reads. Then everything is read, and is what was written. In the end the memory is what it was.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 20000, MESSAGE = 3000, BLOCKED = 20, MUCH = 300000 };

// Of each pair: its ends, the bytes written and read.
static struct { int ends[2]; long written, read; } pairs[MOST];
static int count, datagrams[MOST];
static unsigned char buffer[65536];

static void must(int ok, const char *what) {
  if (ok) return;
  printf("%s: %s\n", what, strerror(errno));
  exit(1);
}

static unsigned char byte_at(int which, long at) { return at * 131 + (at >> 9) + which; }

// A number of a file, behind a word of the line that begins with another.
static long number(const char *file, const char *line, const char *word) {
  char text[512];
  long found = 0;
  FILE *in = fopen(file, "r");
  while (in && fgets(text, sizeof text, in)) {
    char *at = strncmp(text, line, strlen(line)) ? 0 : strstr(text, word);
    if (at) sscanf(at + strlen(word), "%ld", &found);
  }
  if (in) fclose(in);
  return found;
}

static void tell(const char *when) {
  printf("%s: %ld of %ld kB free, %ld in slabs, TCP's memory %ld pages\n", when, number("/proc/meminfo", "MemFree", ":"), number("/proc/meminfo", "MemTotal", ":"),
    number("/proc/meminfo", "Slab", ":"), number("/proc/net/sockstat", "TCP", " mem"));
}

static int listener(struct sockaddr_in *where) {
  socklen_t len = sizeof *where;
  int l = socket(AF_INET, SOCK_STREAM, 0);
  *where = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  must(!bind(l, (void *)where, len) && !listen(l, 5) && !getsockname(l, (void *)where, &len), "listen");
  return l;
}

static void connected(int l, struct sockaddr_in *where, int *ends) {
  ends[0] = socket(AF_INET, SOCK_STREAM, 0);
  must(!connect(ends[0], (void *)where, sizeof *where), "connect");
  ends[1] = accept(l, 0, 0);
  must(ends[1] >= 0, "accept");
}

static void keep(int one, int other) {
  must(count < MOST, "too many");
  pairs[count].ends[0] = one, pairs[count].ends[1] = other;
  fcntl(one, F_SETFL, O_RDWR | O_NONBLOCK), fcntl(other, F_SETFL, O_RDWR | O_NONBLOCK);
  count++;
}

// A socket for datagrams that nobody reads gets more than it keeps.
static void drown(int *fd) {
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof own;
  *fd = socket(AF_INET, SOCK_DGRAM, 0);
  must(!bind(*fd, (void *)&own, len) && !getsockname(*fd, (void *)&own, &len) && !connect(*fd, (void *)&own, len), "bind");
  for (int i = 0; i < 300; i++) must(send(*fd, buffer, 1400, MSG_DONTWAIT) == 1400, "send");
}

// Writes until nothing more is taken, which poll says too.
static void fill(int which, int is_message) {
  int fd = pairs[which].ends[0];
  for (;;) {
    long len = is_message ? MESSAGE : (long)sizeof buffer;
    for (long i = 0; i < len; i++) buffer[i] = byte_at(which, pairs[which].written + i);
    long done = write(fd, buffer, len);
    if (done < 0) break;
    pairs[which].written += done;
  }
  must(errno == EAGAIN, "write");
  must(pairs[which].written > 0, "nothing was taken");
  struct pollfd p = {fd, POLLOUT, 0};
  poll(&p, 1, 0);
  if (p.revents & POLLOUT) printf("%d: poll says that there is room\n", which), exit(1);
}

// Reads what is there.
static void drain(int which) {
  for (;;) {
    long got = read(pairs[which].ends[1], buffer, sizeof buffer);
    if (got < 0) break;
    for (long i = 0; i < got; i++)
      if (buffer[i] != byte_at(which, pairs[which].read + i)) printf("%d: another byte than was written at %ld\n", which, pairs[which].read + i), exit(1);
    pairs[which].read += got;
  }
  must(errno == EAGAIN, "read");
}

// Much is written where nobody reads yet.
static void *write_much(void *end) {
  static char much[MUCH];
  return (void *)(long)(write((int)(long)end, much, sizeof much) == sizeof much);
}

// Writers that wait for readers go on when there are some.
static void unblock(int l, struct sockaddr_in *where) {
  static struct { pthread_t thread; int ends[2]; long read; } all[3 * BLOCKED];
  int left = 3 * BLOCKED;
  memset(all, 0, sizeof all);
  for (int i = 0; i < left; i++) {
    int ends[2];
    if (i % 3 == 0) connected(l, where, ends);
    else must(!(i % 3 == 1 ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends)), "pair");
    all[i].ends[0] = ends[1], all[i].ends[1] = ends[0];
    must(!pthread_create(&all[i].thread, 0, write_much, (void *)(long)all[i].ends[0]), "thread");
  }
  while (left)
    for (int i = 0; i < 3 * BLOCKED; i++) {
      if (all[i].read == MUCH) continue;
      struct pollfd p = {all[i].ends[1], POLLIN, 0};
      must(poll(&p, 1, 30000) == 1, "a writer that waits does not go on");
      long got = read(all[i].ends[1], buffer, 1 + all[i].read * 7 % sizeof buffer);
      must(got > 0, "read");
      all[i].read += got;
      left -= all[i].read == MUCH;
    }
  for (int i = 0; i < 3 * BLOCKED; i++) {
    void *result;
    pthread_join(all[i].thread, &result);
    must(result != 0, "write");
    close(all[i].ends[0]), close(all[i].ends[1]);
  }
}

// A pair that is read serves a megabyte, whatever waits elsewhere.
static void serve(int *ends, const char *what) {
  long sent = 0, got = 0, len;
  while (got < 1 << 20) {
    if (sent < 1 << 20 && (len = send(ends[0], buffer, 5000, MSG_DONTWAIT)) > 0) sent += len;
    must((len = recv(ends[1], buffer, sizeof buffer, 0)) > 0, what);
    got += len;
  }
  close(ends[0]), close(ends[1]);
}

// All of it, so many of each kind.
static void go_through(int l, struct sockaddr_in *where, int each) {
  long anonymous = number("/proc/meminfo", "AnonPages", ":");
  int ends[2], messages;
  memset(pairs, count = 0, sizeof pairs);
  for (int i = 0; i < each; i++) connected(l, where, ends), keep(ends[0], ends[1]);
  for (int i = 0; i < each; i++) must(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair"), keep(ends[0], ends[1]);
  for (int i = 0; i < each; i++) must(!pipe(ends), "pipe"), keep(ends[1], ends[0]);
  messages = count;
  for (int i = 0; i < each / 2; i++) must(!socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), "socketpair"), keep(ends[0], ends[1]);
  for (int i = 0; i < count; i++) fill(i, i >= messages);
  for (int i = 0; i < each / 2; i++) drown(&datagrams[i]);
  tell("full");
  long waits = 0, pages = number("/proc/net/sockstat", "TCP", " mem");
  for (int i = 0; i < each; i++) waits += pairs[i].written;
  if (pages * 4096 < waits) printf("%ld bytes wait in streams of TCP, for which %ld pages count\n", waits, pages), exit(1);
  long grown = number("/proc/meminfo", "AnonPages", ":") - anonymous;
  if (grown > 1024) printf("%ld kB more are said to be anonymous\n", grown);

  // Programs have memory still, and who reads is served.
  size_t some = 4 << 20;
  char *more = mmap(0, some, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  must(more != MAP_FAILED, "mmap");
  memset(more, 1, some);
  connected(l, where, ends), serve(ends, "TCP"), connected(l, where, ends), serve(ends, "TCP");
  must(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair"), serve(ends, "local");
  unblock(l, where);
  munmap(more, some);

  long all = 0;
  for (int i = 0; i < count; i++) all += pairs[i].written;
  printf("%ld kB wait in %d pairs\n", all >> 10, count);
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < count; i++) {
      drain(i);
      if (round == 0) fill(i, i >= messages);
    }
  }
  for (int i = 0; i < count; i++) must(pairs[i].read == pairs[i].written, "not all came");
  for (int i = 0; i < count; i++) {
    struct pollfd p = {pairs[i].ends[0], POLLOUT, 0};
    must(poll(&p, 1, 0) == 1 && p.revents == POLLOUT, "no room after everything was read");
    close(pairs[i].ends[0]), close(pairs[i].ends[1]);
  }
  for (int i = 0; i < each / 2; i++) must(recv(datagrams[i], buffer, sizeof buffer, MSG_DONTWAIT) == 1400, "recv"), close(datagrams[i]);
}

int main(int argc, char **argv) {
  int each = argc > 1 ? atoi(argv[1]) : 1000, rounds = argc > 2 ? atoi(argv[2]) : 1;
  struct rlimit many = {60000, 60000};
  must(!setrlimit(RLIMIT_NOFILE, &many), "setrlimit");
  setvbuf(stdout, 0, _IOLBF, 0);
  memset(buffer, 1, sizeof buffer);
  struct sockaddr_in where;
  int l = listener(&where);
  // What is kept for later on is there after the first time.
  go_through(l, &where, each);
  tell("before");
  long before = number("/proc/meminfo", "MemFree", ":");
  while (rounds--) go_through(l, &where, each);
  tell("at the end");
  long less = before - number("/proc/meminfo", "MemFree", ":"), left = number("/proc/net/sockstat", "TCP", " mem");
  if (less > 512 || left) printf("%ld kB less are free, and TCP has %ld pages\n", less, left);
  puts(less > 512 || left ? "memory is lost" : "held up, and everything came");
}
