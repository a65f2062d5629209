// epoll with a thousand descriptors, several waiting threads and nested sets; a closed descriptor leaves its set; pselect and epoll_pwait2 time out.
#include "../include/t.h"
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>

enum { MANY = 1000, WAITERS = 4 };
static int e, fds[MANY], seen[MANY];
static int total;

static void *waiter(void *unused) {
  struct epoll_event out[7];
  for (;;) {
    int n = epoll_wait(e, out, 7, 2000);
    if (n <= 0) return unused;
    for (int i = 0; i < n; i++) {
      uint64_t v;
      int at = out[i].data.u32;
      if (at == MANY) return unused;
      if (read(fds[at], &v, 8) == 8) {
        __atomic_fetch_add(&seen[at], (int)v, __ATOMIC_SEQ_CST);
        __atomic_fetch_add(&total, (int)v, __ATOMIC_SEQ_CST);
      }
    }
  }
}

int main(void) {
  e = epoll_create1(0);
  for (int i = 0; i < MANY; i++) {
    fds[i] = eventfd(0, EFD_NONBLOCK);
    struct epoll_event ev = {i % 2 ? EPOLLIN : EPOLLIN | EPOLLET, {.u32 = (unsigned)i}};
    if (epoll_ctl(e, EPOLL_CTL_ADD, fds[i], &ev)) return 1;
  }
  pthread_t t[WAITERS];
  for (int i = 0; i < WAITERS; i++) pthread_create(&t[i], 0, waiter, 0);
  for (int round = 0; round < 5; round++)
    for (int i = 0; i < MANY; i++) {
      uint64_t v = 1 + i % 3;
      write(fds[i], &v, 8);
    }
  int sum = 0;
  for (int i = 0; i < MANY; i++) sum += 5 * (1 + i % 3);
  for (int n = 0; n < 2000 && __atomic_load_n(&total, __ATOMIC_SEQ_CST) != sum; n++) usleep(1000);
  IS(total == sum);
  int bad = 0;
  for (int i = 0; i < MANY; i++) bad += seen[i] != 5 * (1 + i % 3);
  T(bad);
  int stop = eventfd(1, 0);
  struct epoll_event ev = {EPOLLIN, {.u32 = MANY}};
  T(epoll_ctl(e, EPOLL_CTL_ADD, stop, &ev));
  for (int i = 0; i < WAITERS; i++) pthread_join(t[i], 0);
  int outer = epoll_create1(0), outest = epoll_create1(0);
  ev.data.u32 = 77;
  T(epoll_ctl(outer, EPOLL_CTL_ADD, e, &ev));
  T(epoll_ctl(outest, EPOLL_CTL_ADD, outer, &ev));
  T(epoll_wait(outest, &ev, 1, 0));
  T(ev.data.u32);
  T(close(stop));
  T(epoll_wait(outest, &ev, 1, 0));
  uint64_t one = 1;
  write(fds[1], &one, 8);
  T(epoll_wait(outest, &ev, 1, 1000));
  int copy = dup(fds[1]);
  T(close(fds[1]));
  T(epoll_wait(e, &ev, 1, 0));
  T(ev.data.u32);
  T(close(copy));
  T(epoll_wait(e, &ev, 1, 0));
  struct timespec ts = {0, 2000000};
  T(syscall(SYS_epoll_pwait2, e, &ev, 1, &ts, 0, 8));
  T(pselect(0, 0, 0, 0, &ts, 0));
  T(epoll_ctl(e, EPOLL_CTL_ADD, fds[3], &(struct epoll_event){EPOLLIN, {0}}));
  int x = eventfd(1, 0);
  T(epoll_ctl(e, EPOLL_CTL_ADD, x, &(struct epoll_event){EPOLLIN | EPOLLEXCLUSIVE, {0}}));
  T(epoll_ctl(e, EPOLL_CTL_MOD, x, &(struct epoll_event){EPOLLIN, {0}}));
  T(epoll_ctl(e, EPOLL_CTL_ADD, 0x7fff, &(struct epoll_event){EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, {0}}));
  return done();
}
