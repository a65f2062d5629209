// Interrupted calls: repeated with SA_RESTART or without a handler, EINTR otherwise; sleeps end when they would have.
#include "../include/t.h"
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>

static pthread_t main_thread;
static volatile int hits, stop_after;
static int p[2];
static uint32_t word;

static void hit(int n) {
  (void)n;
  hits++;
}

// Waits until the main thread sleeps in its call, however long a busy machine takes to let it.
static void let_it_sleep(void) {
  char path[64], line[256];
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid());
  for (int tries = 0; tries < 1000; tries++) {
    usleep(20000);
    int file = open(path, O_RDONLY);
    ssize_t len = read(file, line, sizeof line - 1);
    close(file);
    line[len > 0 ? len : 0] = 0;
    const char *state = strrchr(line, ')');
    if (state && state[1] == ' ' && state[2] == 'S') return;
  }
}

// Signals the main thread a few times, and then does what ends its call.
static void *tease(void *what) {
  for (int i = 0; i < stop_after; i++) {
    let_it_sleep();
    pthread_kill(main_thread, SIGUSR1);
  }
  let_it_sleep();
  if (what) {
    if (write(p[1], "x", 1) != 1) return 0;
    __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &word, FUTEX_WAKE, 1, 0, 0, 0);
  }
  return 0;
}

static pthread_t begin(int times, bool end) {
  pthread_t t;
  hits = 0, word = 0, stop_after = times;
  pthread_create(&t, 0, tease, end ? (void *)1 : 0);
  return t;
}

static void use(int flags) {
  struct sigaction a = {0};
  a.sa_handler = flags < 0 ? SIG_IGN : hit;
  a.sa_flags = flags < 0 ? 0 : flags;
  sigaction(SIGUSR1, &a, 0);
}

int main(void) {
  char byte;
  struct timespec t, rest;
  long long before;
  main_thread = pthread_self();
  if (pipe(p)) return 1;

  SAY("read");
  use(0);
  pthread_t teaser = begin(1, true);
  T(read(p[0], &byte, 1));
  T(hits);
  pthread_join(teaser, 0);
  T(read(p[0], &byte, 1));
  use(SA_RESTART);
  teaser = begin(3, true);
  T(read(p[0], &byte, 1));
  T(hits);
  pthread_join(teaser, 0);
  use(-1);
  teaser = begin(3, true);
  T(read(p[0], &byte, 1));
  pthread_join(teaser, 0);

  SAY("nanosleep");
  use(SA_RESTART);
  teaser = begin(1, false);
  t = (struct timespec){1, 0};
  T(nanosleep(&t, &rest));
  IS(rest.tv_sec == 0 && rest.tv_nsec > 500000000);
  T(hits);
  pthread_join(teaser, 0);
  teaser = begin(1, false);
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_sec++;
  T(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, 0) == EINTR);
  pthread_join(teaser, 0);
  use(-1);
  teaser = begin(4, false);
  t = (struct timespec){0, 150000000};
  before = now_ns(CLOCK_MONOTONIC);
  T(nanosleep(&t, &rest));
  long long took = (now_ns(CLOCK_MONOTONIC) - before) / 1000000;
  IS(took >= 150 && took < 1000);
  pthread_join(teaser, 0);

  SAY("futex");
  use(0);
  teaser = begin(1, true);
  T(syscall(SYS_futex, &word, FUTEX_WAIT, 0, 0, 0, 0));
  T(hits);
  pthread_join(teaser, 0);
  T(read(p[0], &byte, 1));
  use(SA_RESTART);
  teaser = begin(3, true);
  T(syscall(SYS_futex, &word, FUTEX_WAIT, 0, 0, 0, 0));
  T(hits);
  pthread_join(teaser, 0);
  T(read(p[0], &byte, 1));
  // With a time, a handler ends the wait even with SA_RESTART.
  teaser = begin(1, true);
  t = (struct timespec){5, 0};
  T(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &t, 0, 0));
  pthread_join(teaser, 0);
  T(read(p[0], &byte, 1));

  SAY("pause and suspend");
  teaser = begin(1, false);
  T(pause());
  T(hits);
  pthread_join(teaser, 0);
  sigset_t block, old, none;
  sigemptyset(&none), sigemptyset(&block), sigaddset(&block, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &block, &old);
  teaser = begin(1, false);
  usleep(60000);
  T(hits);
  T(sigsuspend(&none));
  T(hits);
  pthread_sigmask(SIG_BLOCK, 0, &none);
  T(sigismember(&none, SIGUSR1));
  pthread_join(teaser, 0);
  T(syscall(SYS_restart_syscall));
  return done();
}
