// Load for nginx (port 80) and redis (port 6379) from the other side of a card, for some time: this program runs on Linux, in a network namespace that the test made.
//
// soak ADDRESS SECONDS CLIENTS: half of the clients ask nginx for its page and for a megabyte, the others have redis keep things and give them back, each again and again over connections that last a while; every so often a client tears its connection off in
// the middle of something. Everything else that goes wrong is an error: an answer that is not what it must be, none for 20 seconds, a connection that breaks or is refused. Says how much there was of each. It waits for both servers first.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE, MEGABYTE, SET, GET, LINE, TORN, CONNECTIONS, ERRORS, COUNTS };
static const char *names[] = {"pages", "megabytes", "values kept", "values given back", "lines of commands", "torn off", "connections", "errors"};
enum { LONGEST = 20000, KEYS = 16, BIG = 1000000, LINE_LENGTH = 50 };

static long *counts;
static struct sockaddr_in server = {.sin_family = AF_INET};
static uint64_t seed;
static int fd = -1;
static char bytes[65536];

static uint32_t any(void) {
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return seed >> 16;
}

static void count(int what) { __atomic_fetch_add(&counts[what], 1, __ATOMIC_RELAXED); }

static int wrong(const char *what) {
  count(ERRORS);
  printf("%s: %s\n", what, strerror(errno));
  fflush(stdout);
  close(fd);
  fd = -1;
  return 0;
}

static int connect_to(int port) {
  struct timeval patience = {.tv_sec = 20};
  server.sin_port = htons(port);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  while (connect(fd, (void *)&server, sizeof server)) {
    // That is this side's: too many ports whose connections are over.
    if (errno != EADDRNOTAVAIL) return wrong("connect");
    usleep(100000);
  }
  count(CONNECTIONS);
  return 1;
}

// Now and then.
static int tear_off(void) {
  struct linger at_once = {1, 0};
  if (any() % 100) return 0;
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(fd);
  fd = -1;
  count(TORN);
  return 1;
}

static int say(const char *from, long len) {
  errno = 0;
  return send(fd, from, len, MSG_NOSIGNAL) == len ? 1 : wrong("send");
}

// Reads until a line's end; its length without that.
static int line(char *into, int room) {
  int len = 0;
  errno = 0;
  while (len < room && read(fd, into + len, 1) == 1)
    if (into[len++] == '\n') return into[len > 1 ? len - 2 : 0] = 0, len;
  return wrong("a line");
}

// Takes so many bytes that all have one value, or any if that is negative.
static int take(long len, int value) {
  while (len > 0) {
    errno = 0;
    long got = read(fd, bytes, len < (long)sizeof bytes ? len : (long)sizeof bytes);
    if (got <= 0) return wrong("an answer ends");
    for (long i = 0; i < got; i++)
      if (value >= 0 && (unsigned char)bytes[i] != value) return wrong("an answer is not what it must be");
    len -= got;
    if (tear_off()) return 0;
  }
  return 1;
}

static void nginx(void) {
  if (fd < 0 && !connect_to(80)) return;
  int big = any() % 8 == 0;
  const char *question = big ? "GET /big HTTP/1.1\r\nHost: soak\r\n\r\n" : "GET / HTTP/1.1\r\nHost: soak\r\n\r\n";
  if (tear_off() || !say(question, strlen(question)) || tear_off()) return;
  char text[512];
  long len = -1;
  if (!line(text, sizeof text)) return;
  if (strcmp(text, "HTTP/1.1 200 OK")) return (void)wrong(text);
  do {
    if (!line(text, sizeof text)) return;
    if (!strncmp(text, "Content-Length: ", 16)) len = atol(text + 16);
  } while (text[0]);
  if (big ? len != BIG : len < 100) return (void)wrong("the length");
  if (!take(len, big ? 0 : -1)) return;
  count(big ? MEGABYTE : PAGE);
}

static struct {
  int len, value;
} kept[KEYS];
static int own;

static void redis(void) {
  if (fd < 0 && !connect_to(6379)) return;
  int key = any() % KEYS;
  char head[200], text[64];
  if (any() % 4 == 0) {
    static char many[LINE_LENGTH * 14];
    for (int i = 0; i < LINE_LENGTH; i++) memcpy(many + 14 * i, "*1\r\n$4\r\nPING\r\n", 14);
    if (!say(many, sizeof many) || tear_off()) return;
    for (int i = 0; i < LINE_LENGTH; i++) {
      if (!line(text, sizeof text)) return;
      if (strcmp(text, "+PONG")) return (void)wrong(text);
    }
    return count(LINE);
  }
  if (any() & 1) {
    static char value[LONGEST + 2];
    int len = any() % 4 ? any() % 100 : any() % LONGEST, what = 'a' + any() % 26;
    int size = snprintf(head, sizeof head, "*3\r\n$3\r\nSET\r\n$9\r\n%04d:%04d\r\n$%d\r\n", own, key, len);
    memset(value, what, len), memcpy(value + len, "\r\n", 2);
    // Whether it was kept is known only when that was said.
    kept[key].len = -1;
    if (!say(head, size) || tear_off() || !say(value, len + 2) || tear_off() || !line(text, sizeof text)) return;
    if (strcmp(text, "+OK")) return (void)wrong(text);
    kept[key].len = len, kept[key].value = what;
    return count(SET);
  }
  if (kept[key].len < 0) return;
  int size = snprintf(head, sizeof head, "*2\r\n$3\r\nGET\r\n$9\r\n%04d:%04d\r\n", own, key);
  if (!say(head, size) || tear_off() || !line(text, sizeof text)) return;
  if (text[0] != '$' || atoi(text + 1) != kept[key].len) return (void)wrong(text);
  if (!take(kept[key].len, kept[key].value) || !take(2, -1)) return;
  count(GET);
}

int main(int argc, char **argv) {
  if (argc < 4) return puts("which address, for how long, by how many?"), 1;
  inet_pton(AF_INET, argv[1], &server.sin_addr);
  counts = mmap(0, sizeof *counts * COUNTS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  // Both servers have a minute to begin.
  for (int port = 80, again = 0; again < 600; again++) {
    server.sin_port = htons(port), fd = socket(AF_INET, SOCK_STREAM, 0);
    int there = !connect(fd, (void *)&server, sizeof server);
    close(fd);
    if (there && port == 6379) break;
    if (there) port = 6379;
    else usleep(100000);
  }
  fd = -1;
  time_t end = time(0) + atol(argv[2]);
  int clients = atoi(argv[3]);
  for (own = 0; own < clients; own++) {
    if (fork()) continue;
    seed = 88172645463325252ull + 7919 * own;
    for (int key = 0; key < KEYS; key++) kept[key].len = -1;
    while (time(0) < end) {
      if (own & 1) nginx();
      else redis();
      if (fd >= 0 && any() % 200 == 0) close(fd), fd = -1;
    }
    return 0;
  }
  while (wait(0) > 0) {
  }
  for (int what = 0; what < COUNTS; what++) printf("%ld %s%s", counts[what], names[what], what + 1 < COUNTS ? ", " : "\n");
  return counts[ERRORS] > 0;
}
