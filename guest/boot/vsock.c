// A machine that talks to its host over vsock: connections both ways, several at a time, each with as many bytes as the arguments say.
// No more goes one way before all has come the other way: the host's side of these tests forgets to pass on what it holds while more comes from the host.
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <fcntl.h>
#include <unistd.h>

struct vm { unsigned short family, reserved; unsigned port, cid; unsigned char flags, zero[3]; };
enum { VSOCK = 40, ANY = -1, HOST = 2, MOST = 16 };

static uint64_t length;

static void fail(const char *what) {
  printf("%s: %s\n", what, strerror(errno));
  exit(1);
}

static unsigned char byte_of(int seed, uint64_t at) { return (unsigned char)(at * 31 + at / 4096 + (unsigned)seed * 7); }

static void write_all(int fd, const void *bytes, size_t len) {
  for (size_t done = 0; done < len;) {
    ssize_t n = write(fd, (const char *)bytes + done, len - done);
    if (n <= 0) fail("write");
    done += (size_t)n;
  }
}

static void read_all(int fd, void *bytes, size_t len) {
  for (size_t done = 0; done < len;) {
    ssize_t n = read(fd, (char *)bytes + done, len - done);
    if (n <= 0) fail("read");
    done += (size_t)n;
  }
}

static void send_pattern(int fd, int seed) {
  unsigned char block[10000];
  for (uint64_t at = 0; at < length;) {
    size_t n = length - at < sizeof block ? (size_t)(length - at) : sizeof block;
    for (size_t i = 0; i < n; i++) block[i] = byte_of(seed, at + i);
    write_all(fd, block, n);
    at += n;
  }
}

static void receive_pattern(int fd, int seed) {
  unsigned char block[8192];
  for (uint64_t at = 0; at < length;) {
    ssize_t n = read(fd, block, length - at < sizeof block ? (size_t)(length - at) : sizeof block);
    if (n <= 0) fail("read");
    for (ssize_t i = 0; i < n; i++)
      if (block[i] != byte_of(seed, at + (uint64_t)i)) { printf("byte %llu is wrong\n", (unsigned long long)(at + (uint64_t)i)); exit(1); }
    at += (uint64_t)n;
  }
}

// Connects to the host, sends, and sees that the same comes back.
static void *client(void *argument) {
  int seed = (int)(intptr_t)argument, fd = socket(VSOCK, SOCK_STREAM, 0);
  struct vm host = {VSOCK, 0, 6000, HOST, 0, {0}};
  if (fd < 0) fail("socket");
  if (connect(fd, (struct sockaddr *)&host, sizeof host)) fail("connect");
  write_all(fd, &length, sizeof length);
  send_pattern(fd, seed);
  receive_pattern(fd, seed);
  close(fd);
  return 0;
}

// Takes a number and bytes made of it, and then sends such bytes.
static void *server(void *argument) {
  int fd = (int)(intptr_t)argument;
  unsigned char seed;
  read_all(fd, &seed, 1);
  receive_pattern(fd, seed);
  send_pattern(fd, seed);
  if (read(fd, &seed, 1) != 0) fail("the other side does not end");
  close(fd);
  return 0;
}

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 1;
  length = argc > 2 ? strtoull(argv[2], 0, 10) : 1000;
  pthread_t threads[MOST];
  unsigned cid = 0;
  int device = open("/dev/vsock", O_RDONLY);
  if (device < 0 || ioctl(device, 0x7b9, &cid)) fail("/dev/vsock");
  printf("context %u\n", cid);
  struct vm host = {VSOCK, 0, 6000, HOST, 0, {0}};
  int messages = socket(VSOCK, SOCK_SEQPACKET, 0);
  if (connect(messages, (struct sockaddr *)&host, sizeof host)) printf("messages: %s\n", strerror(errno));
  close(messages);
  for (int i = 0; i < count; i++) pthread_create(&threads[i], 0, client, (void *)(intptr_t)i);
  for (int i = 0; i < count; i++) pthread_join(threads[i], 0);
  printf("%d connections went out\n", count);
  int listener = socket(VSOCK, SOCK_STREAM, 0);
  struct vm any = {VSOCK, 0, 5000, (unsigned)ANY, 0, {0}};
  if (bind(listener, (struct sockaddr *)&any, sizeof any) || listen(listener, MOST)) fail("listen");
  int ready = socket(VSOCK, SOCK_STREAM, 0);
  host.port = 6001;
  if (connect(ready, (struct sockaddr *)&host, sizeof host)) fail("say that somebody listens");
  close(ready);
  for (int i = 0; i < count; i++) {
    struct vm peer;
    socklen_t len = sizeof peer;
    int fd = accept(listener, (struct sockaddr *)&peer, &len);
    if (fd < 0) fail("accept");
    if (peer.cid != HOST) printf("somebody from %u\n", peer.cid);
    pthread_create(&threads[i], 0, server, (void *)(intptr_t)fd);
  }
  for (int i = 0; i < count; i++) pthread_join(threads[i], 0);
  printf("%d connections came in\n", count);
  return 0;
}
