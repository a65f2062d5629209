// Running time: in the program and in the kernel, of the process, its threads, its children and others; the clocks of others.
//: timeout 60
#include "../include/t.h"
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>

static long micros(struct timeval t) { return t.tv_sec * 1000000L + t.tv_usec; }

static struct rusage usage(int who) {
  struct rusage r;
  getrusage(who, &r);
  return r;
}

static long ran(int who) {
  struct rusage r = usage(who);
  return micros(r.ru_utime) + micros(r.ru_stime);
}

static volatile unsigned sum;

// Works in the program for so many microseconds of running time.
static void work(long time) {
  long end = ran(RUSAGE_THREAD) + time;
  while (ran(RUSAGE_THREAD) < end)
    for (unsigned i = 0; i < 2000000; i++) sum += i;
}

// Has the kernel work.
static void work_in_kernel(long time) {
  static char bytes[1 << 20];
  int zero = open("/dev/zero", O_RDONLY);
  long end = ran(RUSAGE_THREAD) + time;
  while (ran(RUSAGE_THREAD) < end)
    for (int i = 0; i < 16; i++)
      if (read(zero, bytes, sizeof bytes) < 0) _exit(9);
  close(zero);
}

static bool in_program(struct rusage r) { return micros(r.ru_utime) > 4 * micros(r.ru_stime); }
static bool in_kernel(struct rusage r) { return micros(r.ru_stime) > micros(r.ru_utime); }

// Whether what works for a while has had its time where it should. Where time goes is told from samples, and what a machine's host does meanwhile counts for whoever
// was there: so it may take longer until the many are right in spite of the few.
static bool is_mostly(void (*works)(long), bool (*is_there)(struct rusage)) {
  for (int i = 0; i < 20; i++) {
    works(300000);
    if (is_there(usage(RUSAGE_SELF))) return true;
  }
  return false;
}

static double seconds(clockid_t clock) {
  struct timespec t;
  return clock_gettime(clock, &t) ? -1 : t.tv_sec + t.tv_nsec / 1e9;
}

static void *thread_works(void *clock) {
  pthread_getcpuclockid(pthread_self(), clock);
  work(50000);
  return NULL;
}

static volatile int signals;
static void count(int n) { (void)n; signals++; }

int main(void) {
  struct tms t;
  int status;
  // A program that computes.
  pid_t child = fork();
  if (child == 0) {
    _exit(is_mostly(work, in_program) ? 0 : 1);
  }
  struct rusage r;
  IS(wait4(child, &status, 0, &r) == child);
  T(status);
  IS(micros(r.ru_utime) + micros(r.ru_stime) >= 290000 && r.ru_maxrss > 100 && r.ru_minflt > 0);
  IS(ran(RUSAGE_CHILDREN) >= 290000);
  // One that has the kernel work.
  child = fork();
  if (child == 0) {
    _exit(is_mostly(work_in_kernel, in_kernel) ? 0 : 1);
  }
  IS(wait4(child, &status, 0, &r) == child);
  T(status);
  times(&t);
  IS(t.tms_cutime >= 20 && t.tms_cstime >= 12);
  // Children whose end nobody wants to know are not counted.
  long before = ran(RUSAGE_CHILDREN);
  signal(SIGCHLD, SIG_IGN);
  child = fork();
  if (child == 0) { work(100000); _exit(0); }
  T(waitpid(child, &status, 0));
  signal(SIGCHLD, SIG_DFL);
  IS(ran(RUSAGE_CHILDREN) == before);

  // A thread's clock, from another thread; when it has ended its time stays the process's.
  pthread_t thread;
  clockid_t clock;
  long own = ran(RUSAGE_SELF);
  pthread_create(&thread, NULL, thread_works, &clock);
  pthread_join(thread, NULL);
  IS(ran(RUSAGE_SELF) - own >= 50000);
  IS(seconds(CLOCK_PROCESS_CPUTIME_ID) >= 0.05 && seconds(CLOCK_THREAD_CPUTIME_ID) > 0);

  // The clock of another process.
  int ends[2];
  pipe(ends);
  child = fork();
  if (child == 0) {
    work(60000);
    if (write(ends[1], "x", 1) != 1) _exit(1);
    for (;;) pause();
  }
  char c;
  T(read(ends[0], &c, 1));
  T(clock_getcpuclockid(child, &clock));
  IS(seconds(clock) >= 0.06 && seconds(clock) < 60);
  struct timespec wanted = {0, 30000000};
  T(clock_nanosleep(clock, TIMER_ABSTIME, &wanted, NULL));
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  T(seconds(clock) < 0);
  T(clock_getcpuclockid(999999999, &clock));
  child = fork();
  if (child == 0) for (;;) sum++;
  clock_getcpuclockid(child, &clock);
  wanted.tv_nsec = 50000000;
  T(clock_nanosleep(clock, 0, &wanted, NULL));
  IS(seconds(clock) >= 0.05);
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  T(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &wanted, NULL));

  // Timers of running time.
  signal(SIGPROF, count);
  signal(SIGVTALRM, count);
  signals = 0;
  struct itimerval soon = {{0, 10000}, {0, 10000}}, off = {{0, 0}, {0, 0}};
  setitimer(ITIMER_PROF, &soon, NULL);
  while (signals < 3) sum++;
  setitimer(ITIMER_PROF, &off, NULL);
  signals = 0;
  setitimer(ITIMER_VIRTUAL, &soon, NULL);
  while (signals < 3) sum++;
  setitimer(ITIMER_VIRTUAL, &off, NULL);
  return done();
}
