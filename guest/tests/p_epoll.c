// epoll: level, edge and one-shot, changing, removing, nesting, closing, and errors.
#include "../include/t.h"
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int e;
static struct epoll_event out[10];

static void look(const char *what) {
  int n = epoll_wait(e, out, 10, 0);
  printf("%s: %d", what, n);
  for (int i = 0; i < n; i++) printf(" [%x %d]", out[i].events, out[i].data.u32);
  putchar('\n');
}

static void *later(void *fd) {
  usleep(50000);
  uint64_t one = 1;
  write((int)(long)fd, &one, 8);
  return 0;
}

int main(void) {
  uint64_t v = 1;
  e = epoll_create1(EPOLL_CLOEXEC);
  IS(e >= 0);
  int a = eventfd(0, EFD_NONBLOCK), b = eventfd(0, EFD_NONBLOCK);
  struct epoll_event ev = {EPOLLIN, {.u32 = 1}};
  T(epoll_ctl(e, EPOLL_CTL_ADD, a, &ev));
  T(epoll_ctl(e, EPOLL_CTL_ADD, a, &ev));
  ev = (struct epoll_event){EPOLLIN | EPOLLET, {.u32 = 2}};
  T(epoll_ctl(e, EPOLL_CTL_ADD, b, &ev));
  look("nothing");
  write(a, &v, 8), write(b, &v, 8);
  look("both");
  look("level only");
  write(b, &v, 8);
  look("edge again");
  read(a, &v, 8);
  look("read");
  ev = (struct epoll_event){EPOLLIN | EPOLLONESHOT, {.u32 = 3}};
  T(epoll_ctl(e, EPOLL_CTL_MOD, a, &ev));
  v = 1, write(a, &v, 8);
  look("one shot");
  look("disarmed");
  T(epoll_ctl(e, EPOLL_CTL_MOD, a, &ev));
  look("armed again");
  T(epoll_ctl(e, EPOLL_CTL_DEL, a, 0));
  T(epoll_ctl(e, EPOLL_CTL_DEL, a, 0));
  T(epoll_ctl(e, EPOLL_CTL_MOD, a, &ev));
  T(epoll_ctl(e, EPOLL_CTL_ADD, e, &ev));
  T(epoll_ctl(e, EPOLL_CTL_ADD, 99, &ev));
  int file = open("f", O_RDWR | O_CREAT, 0644);
  T(epoll_ctl(e, EPOLL_CTL_ADD, file, &ev));
  T(epoll_ctl(a, EPOLL_CTL_ADD, b, &ev));
  T(epoll_ctl(e, 9, b, &ev));
  T(epoll_wait(e, out, 0, 0));
  T(epoll_wait(a, out, 1, 0));
  T(close(b));
  look("closed");
  int outer = epoll_create1(0);
  ev = (struct epoll_event){EPOLLIN, {.u32 = 9}};
  T(epoll_ctl(outer, EPOLL_CTL_ADD, e, &ev));
  ev = (struct epoll_event){EPOLLIN, {.u32 = 4}};
  T(epoll_ctl(e, EPOLL_CTL_ADD, a, &ev));
  T(epoll_wait(outer, out, 10, 0));
  T(epoll_ctl(e, EPOLL_CTL_ADD, outer, &ev));
  read(a, &v, 8);
  pthread_t t;
  pthread_create(&t, 0, later, (void *)(long)a);
  T(epoll_wait(e, out, 10, 5000));
  pthread_join(t, 0);
  T(epoll_create(0));
  T(epoll_create1(77));
  return done();
}
