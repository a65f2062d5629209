// Message queues with names: making, priorities, room, times, polling, notices, limits of a user, rights.
//: root
//: cpus 1 4
#include "../include/t.h"
#include <mqueue.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>

static char name[64];
static char b[9000];
static volatile int told, told_code, told_value;
static void hear(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)context;
  told++;
  told_code = info->si_code;
  told_value = info->si_value.sival_int;
}

static int ready(int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT, 0};
  poll(&p, 1, 0);
  return p.revents;
}

static int result(pid_t child) {
  int status;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

#define CHILD(what) ({ fflush(stdout); pid_t child = fork(); if (!child) { what; _exit(errno); } child; })

static struct timespec after_ms(long ms) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  t.tv_nsec += ms * 1000000;
  t.tv_sec += t.tv_nsec / 1000000000;
  t.tv_nsec %= 1000000000;
  return t;
}

int main(void) {
  snprintf(name, sizeof name, "/chiton-test-%d", getpid());
  struct mq_attr a = {.mq_maxmsg = 3, .mq_msgsize = 20}, old;
  T(mq_open(name, O_RDWR));
  T(mq_open("none", O_RDWR));
  T(syscall(SYS_mq_open, "a/b", O_RDWR, 0, 0));
  T(syscall(SYS_mq_open, "", O_RDWR, 0, 0));
  mqd_t q;
  OK(q = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0640, &a));
  T(mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &a));
  T(fcntl(q, F_GETFD));
  T(mq_getattr(q, &old));
  SAY("%ld %ld %ld %ld", old.mq_flags, old.mq_maxmsg, old.mq_msgsize, old.mq_curmsgs);
  T(ready(q));
  T(mq_send(q, "low", 3, 1));
  T(mq_send(q, "high", 4, 9));
  T(mq_send(q, "low too", 7, 1));
  T(ready(q));
  a = (struct mq_attr){.mq_flags = O_NONBLOCK};
  T(mq_setattr(q, &a, &old));
  SAY("%ld %ld", old.mq_flags, old.mq_curmsgs);
  T(mq_send(q, "x", 1, 0));
  T(mq_send(q, b, 21, 0));
  T(mq_send(q, "x", 1, 32768));
  unsigned priority;
  T(mq_receive(q, b, 19, &priority));
  for (int i = 0; i < 4; i++) {
    memset(b, 0, sizeof b);
    if (T(mq_receive(q, b, 20, &priority)) >= 0) SAY("%u %s", priority, b);
  }
  a.mq_flags = O_RDWR;
  T(mq_setattr(q, &a, 0));
  a.mq_flags = 0;
  T(mq_setattr(q, &a, &old));
  struct timespec t = after_ms(20), bad = {0, -1};
  T(mq_timedreceive(q, b, 20, 0, &t));
  T(mq_timedreceive(q, b, 20, 0, &bad));
  T(mq_send(q, "", 0, 0));
  T(mq_receive(q, b, 20, 0));
  // Somebody waits.
  pid_t child = CHILD(errno = mq_receive(q, b, 20, 0) == 5 && !memcmp(b, "hello", 5) ? 0 : 99);
  until_asleep(child);
  T(mq_send(q, "hello", 5, 0));
  T(result(child));
  for (int i = 0; i < 3; i++) T(mq_send(q, "fill", 4, 0));
  t = after_ms(20);
  T(mq_timedsend(q, "x", 1, 0, &t));
  child = CHILD(mq_send(q, "last", 4, 5); errno = 0);
  until_asleep(child);
  T(mq_receive(q, b, 20, 0));
  T(result(child));
  while (mq_getattr(q, &old) == 0 && old.mq_curmsgs > 0) T(mq_receive(q, b, 20, 0));
  // Reading and writing only, and what is none.
  mqd_t r = mq_open(name, O_RDONLY), w = mq_open(name, O_WRONLY | O_NONBLOCK);
  T(mq_send(r, "x", 1, 0));
  T(mq_receive(w, b, 20, 0));
  T(mq_send(0, "x", 1, 0));
  T(mq_send(-1, "x", 1, 0));
  T(read(w, b, 10));
  // Notices come once, for the first message.
  struct sigaction action = {.sa_sigaction = hear, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGUSR1, &action, 0);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
  T(mq_notify(q, &event));
  T(mq_notify(q, &event));
  child = CHILD(T(mq_notify(q, &event)); fflush(stdout); mq_send(q, "news", 4, 0); errno = 0);
  T(result(child));
  T(told);
  SAY("%d %d", told_code == SI_MESGQ, told_value);
  T(mq_send(q, "more", 4, 0));
  T(told);
  T(mq_notify(q, &event));
  T(mq_send(q, "more", 4, 0));
  T(told);
  T(mq_notify(q, 0));
  for (int i = 0; i < 3; i++) mq_receive(q, b, 20, 0);
  T(mq_send(q, "quiet", 5, 0));
  T(told);
  event.sigev_signo = 99;
  T(mq_notify(q, &event));
  // Names, and what goes on without one.
  T(mq_unlink(name));
  T(mq_unlink(name));
  T(mq_open(name, O_RDWR));
  T(mq_receive(r, b, 20, 0));
  T(mq_close(q));
  T(mq_close(r));
  T(mq_close(w));
  // Who may what, and how much.
  umask(0);
  q = mq_open(name, O_CREAT | O_RDWR, 0604, 0);
  fflush(stdout);
  child = fork();
  if (!child) {
    char mine[80];
    if (setresgid(64003, 64003, 64003) || setresuid(64003, 64003, 64003)) _exit(1);
    T(mq_open(name, O_WRONLY));
    IS(mq_open(name, O_RDONLY) >= 0);
    T(mq_unlink(name));
    snprintf(mine, sizeof mine, "%s-mine", name);
    a = (struct mq_attr){.mq_maxmsg = 11, .mq_msgsize = 20};
    T(mq_open(mine, O_CREAT | O_RDWR, 0600, &a));
    a = (struct mq_attr){.mq_maxmsg = 10, .mq_msgsize = 8193};
    T(mq_open(mine, O_CREAT | O_RDWR, 0600, &a));
    a = (struct mq_attr){.mq_maxmsg = 0, .mq_msgsize = 1};
    T(mq_open(mine, O_CREAT | O_RDWR, 0600, &a));
    a = (struct mq_attr){.mq_maxmsg = 10, .mq_msgsize = 8192};
    struct rlimit limit = {90000, 90000};
    setrlimit(RLIMIT_MSGQUEUE, &limit);
    int first;
    OK(first = mq_open(mine, O_CREAT | O_RDWR, 0600, &a));
    strcat(mine, "2");
    T(mq_open(mine, O_CREAT | O_RDWR, 0600, &a));
    mine[strlen(mine) - 1] = 0;
    T(mq_unlink(mine));
    T(mq_close(first));
    strcat(mine, "2");
    OK(mq_open(mine, O_CREAT | O_RDWR, 0600, &a));
    T(mq_unlink(mine));
    _exit(done());
  }
  T(result(child));
  T(mq_unlink(name));
  return done();
}
