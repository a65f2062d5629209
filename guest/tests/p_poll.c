// poll, ppoll and select see readiness, hang-up and bad descriptors, and time out.
#include "../include/t.h"
#include <poll.h>
#include <pthread.h>
#include <sys/select.h>

static int p[2];

static void *later(void *unused) {
  usleep(50000);
  write(p[1], "x", 1);
  return unused;
}

int main(void) {
  T(pipe(p));
  struct pollfd f[3] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}, {-1, POLLIN, 0}};
  T(poll(f, 3, 0));
  SAY("%x %x %x", f[0].revents, f[1].revents, f[2].revents);
  f[2].fd = 99;
  T(poll(f, 3, 0));
  SAY("%x", f[2].revents);
  long long before = now_ns(CLOCK_MONOTONIC);
  T(poll(f, 1, 30));
  IS(now_ns(CLOCK_MONOTONIC) - before >= 29000000);
  pthread_t t;
  pthread_create(&t, 0, later, 0);
  T(poll(f, 1, 5000));
  SAY("%x", f[0].revents);
  pthread_join(t, 0);
  int file = open("f", O_RDWR | O_CREAT, 0644);
  struct pollfd g = {file, POLLIN | POLLOUT | POLLPRI, 0};
  T(poll(&g, 1, 0));
  SAY("%x", g.revents);
  T(close(p[1]));
  T(poll(f, 1, 0));
  SAY("%x", f[0].revents);
  T(read(p[0], &(char){0}, 1));
  T(poll(f, 1, 0));
  SAY("%x", f[0].revents);
  fd_set r, w;
  FD_ZERO(&r);
  FD_ZERO(&w);
  FD_SET(p[0], &r);
  FD_SET(file, &w);
  struct timeval tv = {0, 0};
  T(select(20, &r, &w, 0, &tv));
  T(FD_ISSET(p[0], &r) && FD_ISSET(file, &w));
  FD_ZERO(&r);
  FD_SET(90, &r);
  /* What lies behind the table of descriptors is not looked at, so the table has to reach that far. */
  dup2(file, 200);
  close(200);
  T(select(91, &r, 0, 0, &tv));
  T(select(-1, 0, 0, 0, &tv));
  struct timespec ts = {0, 1000000};
  T(ppoll(0, 0, &ts, 0));
  T(pselect(0, 0, 0, 0, &ts, 0));
  ts.tv_nsec = -1;
  T(ppoll(0, 0, &ts, 0));
  T(pipe(p));
  T(close(p[0]));
  struct pollfd h = {p[1], POLLOUT, 0};
  T(poll(&h, 1, 0));
  SAY("%x", h.revents);
  return done();
}
