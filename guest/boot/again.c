// Connects again to a peer (`again ADDRESS`, tests/settings/again.py) between the same two ends as a connection that is over, as `tcp_tw_reuse` and times allow it, and is connected to again; prints what comes of it.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOCAL_PORT_RANGE 51

static struct sockaddr_in peer = {.sin_family = AF_INET};

static void set(const char *name, int value) {
  char path[64];
  snprintf(path, sizeof path, "/proc/sys/net/ipv4/%s", name);
  FILE *file = fopen(path, "w");
  if (!file || fprintf(file, "%d", value) < 0 || fclose(file)) perror(path);
}

// Waits until a connection of a port is over.
static void wait_until_over(int port) {
  for (int tries = 0; tries < 300; tries++, usleep(100000)) {
    char line[256];
    int found = 0;
    FILE *file = fopen("/proc/net/tcp", "r");
    while (file && fgets(line, sizeof line, file)) {
      unsigned own, state;
      found |= sscanf(line, " %*d: %*x:%x %*x:%*x %x", &own, &state) == 2 && (int)own == port && state == 6;
    }
    if (file) fclose(file);
    if (found) return;
  }
  printf("%d is not over\n", port);
}

// Connects from a port that is bound, or from the only one that there is, and ends first.
static int once(int port, int is_bound) {
  int s = socket(AF_INET, SOCK_STREAM, 0), one = 1, failed;
  unsigned range = (unsigned)port << 16 | (unsigned)port;
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  if (is_bound) {
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (void *)&own, sizeof own)) perror("bind");
  } else if (setsockopt(s, IPPROTO_IP, LOCAL_PORT_RANGE, &range, sizeof range)) {
    perror("range");
  }
  peer.sin_port = htons(9000);
  failed = connect(s, (void *)&peer, sizeof peer) ? errno : 0;
  close(s);
  if (!failed) wait_until_over(port);
  return failed;
}

static const char *said(int failed) { return failed ? strerror(failed) : "connected"; }

// What the peer answers to a line; it may connect twice before, and once when only `tcp_rfc1337` keeps what is left from its resets.
static void ask(const char *word, int port, int is_strict) {
  char text[256];
  int s = socket(AF_INET, SOCK_STREAM, 0), l = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  peer.sin_port = htons(9001);
  if (connect(s, (void *)&peer, sizeof peer)) perror("connect");
  if (!strcmp(word, "come")) {
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(l, (void *)&own, sizeof own) || listen(l, 5)) perror("listen");
    dprintf(s, "come %d\n", port);
    for (int turn = 0; turn < 2; turn++) {
      close(accept(l, 0, 0));
      wait_until_over(port);
      if (turn) close(l), set("tcp_rfc1337", is_strict);
      dprintf(s, "over\n");
    }
  } else {
    dprintf(s, "%s %d\n", word, port);
    close(l);
  }
  FILE *answer = fdopen(s, "r");
  while (fgets(text, sizeof text, answer)) fputs(text, stdout);
  fclose(answer);
}

int main(int count, char **words) {
  setvbuf(stdout, 0, _IOLBF, 0);
  if (count < 2 || inet_pton(AF_INET, words[1], &peer.sin_addr) != 1) return 2;
  // Where a loaded machine says its end twice, the second answer to it is answered by a reset.
  set("tcp_rfc1337", 1);
  for (int reuse = 0; reuse < 3; reuse++) {
    int port = 40000 + reuse, failed;
    set("tcp_tw_reuse", reuse);
    printf("tcp_tw_reuse %d, bound: %s", reuse, said(once(port, 1)));
    printf(", %s", said(once(port, 1)));
    sleep(2);
    printf(", not bound: %s\n", said(once(port, 0)));
    ask("begun", port, 1);
    port += 10;
    printf("not bound: %s", said(once(port, 0)));
    printf(", at once: %s", said(failed = once(port, 0)));
    for (int tries = 0; failed && tries < (reuse == 1 ? 300 : 20); tries++, usleep(100000)) failed = once(port, 0);
    printf(", later: %s\n", said(failed));
    ask("begun", port, 1);
  }
  set("tcp_tw_reuse", 1), set("tcp_timestamps", 0);
  printf("without times: %s", said(once(40020, 1)));
  printf(", %s\n", said(once(40020, 1)));
  set("tcp_timestamps", 1);
  for (int strict = 0; strict < 2; strict++) {
    printf("tcp_rfc1337 %d\n", strict);
    ask("come", 7000 + strict, strict);
    set("tcp_rfc1337", 1);
    ask("begun", 7000 + strict, 1);
  }
  return 0;
}
