// EPOLLEXCLUSIVE: which combinations are refused, and that one of several who wait is woken, while all hear of a hang-up.
//: cpus 1 4
#include "../include/t.h"
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#define WAITERS 4
static int sets[WAITERS];
static volatile int tids[WAITERS], events[WAITERS];
static volatile int back;

static void *wait_in(void *which) {
  long i = (long)which;
  struct epoll_event e = {0};
  tids[i] = (int)syscall(SYS_gettid);
  int got = epoll_wait(sets[i], &e, 1, -1);
  events[i] = got == 1 ? (int)e.events : -1;
  __atomic_add_fetch(&back, 1, __ATOMIC_SEQ_CST);
  return 0;
}

static void pause_ms(int ms) {
  struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
  nanosleep(&t, 0);
}

static pthread_t threads[WAITERS];
static void start(int fd, unsigned wanted) {
  back = 0;
  for (long i = 0; i < WAITERS; i++) {
    sets[i] = epoll_create1(0);
    struct epoll_event e = {.events = wanted};
    if (epoll_ctl(sets[i], EPOLL_CTL_ADD, fd, &e)) SAY("not added: %s", t_error(errno));
    tids[i] = 0;
  }
  for (long i = 0; i < WAITERS; i++) pthread_create(&threads[i], 0, wait_in, (void *)i);
  for (int i = 0; i < WAITERS; i++) {
    while (!tids[i]) pause_ms(1);
    until_asleep(tids[i]);
  }
  pause_ms(20);
}

static int woken(int least) {
  while (back < least) pause_ms(1);
  pause_ms(50);
  return back;
}

static void finish(void) {
  for (int i = 0; i < WAITERS; i++) {
    pthread_join(threads[i], 0);
    close(sets[i]);
  }
}

int main(void) {
  int set = epoll_create1(0), other = epoll_create1(0), p[2], fd = eventfd(0, EFD_NONBLOCK);
  struct epoll_event e = {.events = EPOLLIN | EPOLLEXCLUSIVE};
  T(pipe(p));
  T(epoll_ctl(set, EPOLL_CTL_MOD, p[0], &e));
  T(epoll_ctl(set, EPOLL_CTL_ADD, p[0], &e));
  T(epoll_ctl(set, EPOLL_CTL_ADD, p[0], &e));
  T(epoll_ctl(set, EPOLL_CTL_MOD, p[0], &e));
  e.events = EPOLLIN;
  T(epoll_ctl(set, EPOLL_CTL_MOD, p[0], &e));
  T(epoll_ctl(set, EPOLL_CTL_DEL, p[0], &e));
  T(epoll_ctl(set, EPOLL_CTL_ADD, p[0], &e));
  e.events = EPOLLIN | EPOLLEXCLUSIVE;
  T(epoll_ctl(set, EPOLL_CTL_MOD, p[0], &e));
  T(epoll_ctl(set, EPOLL_CTL_ADD, other, &e));
  T(epoll_ctl(set, EPOLL_CTL_MOD, other, &e));
  static const unsigned flags[] = {EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLET, EPOLLWAKEUP, EPOLLONESHOT, EPOLLPRI, EPOLLRDHUP, EPOLLRDNORM, 0};
  for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) {
    e.events = flags[i] | EPOLLEXCLUSIVE;
    int r = epoll_ctl(other, EPOLL_CTL_ADD, fd, &e);
    SAY("%x: %s", flags[i], r ? t_error(errno) : "ok");
    if (!r) epoll_ctl(other, EPOLL_CTL_DEL, fd, &e);
  }
  e.events = EPOLLIN | EPOLLEXCLUSIVE;
  T(epoll_ctl(other, EPOLL_CTL_ADD, fd, &e));
  T(epoll_wait(other, &e, 1, 0));
  T(eventfd_write(fd, 1));
  T(epoll_wait(other, &e, 1, 0));
  T(epoll_wait(other, &e, 1, 0));
  eventfd_t value;
  T(eventfd_read(fd, &value));
  T(epoll_ctl(other, EPOLL_CTL_DEL, fd, &e));

  start(fd, EPOLLIN | EPOLLEXCLUSIVE);
  for (int i = 1; i <= WAITERS; i++) {
    eventfd_write(fd, 1);
    SAY("a counter: %d", woken(i));
    eventfd_read(fd, &value);
  }
  finish();

  start(p[0], EPOLLIN | EPOLLEXCLUSIVE);
  for (int i = 1; i <= WAITERS; i++) {
    write(p[1], "x", 1);
    SAY("a pipe: %d", woken(i));
    char c;
    read(p[0], &c, 1);
  }
  finish();

  start(fd, EPOLLIN);
  eventfd_write(fd, 1);
  SAY("not exclusive: %d", woken(WAITERS));
  eventfd_read(fd, &value);
  finish();

  start(p[0], EPOLLIN | EPOLLEXCLUSIVE);
  close(p[1]);
  SAY("a hang-up: %d", woken(WAITERS));
  finish();
  for (int i = 0; i < WAITERS; i++) SAY("%x", (unsigned)events[i]);
  return done();
}
