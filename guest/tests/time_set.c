// Who waits for a time of day notices that it was set: timers that are read, with and without TFD_TIMER_CANCEL_ON_SET, clock_nanosleep, futexes, and queues of messages.
//: linux-differs
#include "../include/t.h"
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <sys/wait.h>

static int ready(int fd) {
  struct pollfd p = {fd, POLLIN, 0};
  return poll(&p, 1, 0);
}

static void set(long seconds) {
  struct timespec t = {seconds, 0};
  IS(clock_settime(CLOCK_REALTIME, &t) == 0);
}

static const struct timespec limit = {1000005000, 0};
static pthread_mutex_t plain_mutex = PTHREAD_MUTEX_INITIALIZER, inheriting;
static sem_t semaphore;
static mqd_t queue;
static unsigned word;
static volatile int began, ended;

static int wait_on_mutex(void) { return pthread_mutex_timedlock(&plain_mutex, &limit); }
static int wait_on_inheriting(void) { return pthread_mutex_timedlock(&inheriting, &limit); }
static int wait_on_semaphore(void) { return sem_timedwait(&semaphore, &limit) ? errno : 0; }
static int wait_on_queue(void) { char b[8]; return mq_timedreceive(queue, b, 8, 0, &limit) < 0 ? errno : 0; }
static int wait_on_word(void) {
  return syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &limit, 0, FUTEX_BITSET_MATCH_ANY) ? errno : 0;
}
static int (*const waits[])(void) = {wait_on_mutex, wait_on_inheriting, wait_on_semaphore, wait_on_queue, wait_on_word};
enum { WAITS = sizeof waits / sizeof *waits };

static void *wait_somewhere(void *number) {
  __atomic_fetch_add(&began, 1, __ATOMIC_SEQ_CST);
  int error = waits[(long)number]();
  __atomic_fetch_add(&ended, 1, __ATOMIC_SEQ_CST);
  return (void *)(long)error;
}

// Threads that wait until a time of day wait longer when it is set back, and no longer when it is set past that.
static void waiters(void) {
  pthread_t threads[WAITS];
  pthread_mutexattr_t attr;
  struct mq_attr size = {.mq_maxmsg = 1, .mq_msgsize = 8};
  pthread_mutexattr_init(&attr);
  pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
  pthread_mutex_init(&inheriting, &attr);
  sem_init(&semaphore, 0, 0);
  queue = mq_open("/time_set", O_RDWR | O_CREAT, 0600, &size);
  pthread_mutex_lock(&plain_mutex);
  pthread_mutex_lock(&inheriting);
  set(1000004999);
  for (long i = 0; i < WAITS; i++) pthread_create(&threads[i], 0, wait_somewhere, (void *)i);
  while (began < WAITS) usleep(1000);
  usleep(100000);
  set(1000000000);
  usleep(1500000);
  IS(ended == 0);
  set(1000005001);
  for (int i = 0; i < WAITS; i++) {
    void *error;
    pthread_join(threads[i], &error);
    SAY("wait %d: %s", i, t_error((int)(long)error));
  }
  IS(time(0) < 1000005100);
  mq_unlink("/time_set");
}

int main(void) {
  uint64_t times;
  struct utsname system;
  // Linux shares its clock with whoever else is there.
  if (uname(&system) || !strstr(system.release, "chiton")) return 2;
  set(1000000000);
  int plain = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK), told = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK), since = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct itimerspec at = {.it_value = {1000001000, 0}};
  IS(timerfd_settime(plain, TFD_TIMER_ABSTIME, &at, 0) == 0);
  IS(timerfd_settime(told, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, 0) == 0);
  struct itimerspec in = {.it_value = {1000, 0}};
  IS(timerfd_settime(since, 0, &in, 0) == 0);
  IS(!ready(plain) && !ready(told));
  set(1000000500);
  IS(!ready(plain) && ready(told) && !ready(since));
  IS(read(told, &times, 8) == -1 && errno == ECANCELED);
  IS(!ready(told) && read(told, &times, 8) == -1 && errno == EAGAIN);
  struct itimerspec left;
  IS(timerfd_gettime(plain, &left) == 0 && left.it_value.tv_sec <= 500 && left.it_value.tv_sec > 400);
  IS(timerfd_gettime(since, &left) == 0 && left.it_value.tv_sec > 900);
  pid_t child = fork();
  if (!child) {
    struct timespec until = {1000000900, 0};
    int failed = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, 0);
    struct pollfd p = {plain, POLLIN, 0};
    _exit(failed || poll(&p, 1, 10000) != 1 || read(plain, &times, 8) != 8 || times != 1);
  }
  set(1000001001);
  int status;
  IS(waitpid(child, &status, 0) == child && status == 0);
  IS(read(told, &times, 8) == -1 && errno == ECANCELED);
  IS(read(told, &times, 8) == 8 && times == 1);
  IS(!ready(since));
  struct timex x = {.modes = ADJ_SETOFFSET, .time = {-100, 0}};
  IS(adjtimex(&x) >= 0 && x.time.tv_sec < 1000000990);
  IS(time(0) >= 1000000901 && time(0) < 1000000990);
  waiters();
  return done();
}
