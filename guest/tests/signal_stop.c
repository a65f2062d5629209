// Stopping and going on: what the parent is told, with and without SA_NOCLDSTOP; calls go on; all threads stop; SIGKILL ends a stopped process.
#include "../include/t.h"
#include <pthread.h>
#include <sys/wait.h>

static volatile int told, code, status_;
static volatile long *shared;

static void child_changed(int n, siginfo_t *i, void *c) {
  (void)n, (void)c;
  told++, code = i->si_code, status_ = i->si_status;
}

// News of children come by a signal that need not be quicker than waitpid.
static bool told_that(int what, int number) {
  for (int i = 0; i < 500 && !(code == what && status_ == number); i++) usleep(1000);
  return code == what && status_ == number;
}

static void report(pid_t child, int options) {
  int status = 0;
  pid_t got = waitpid(child, &status, options);
  if (got != child) SAY("waitpid: %s", got ? t_error(errno) : "nothing");
  else if (WIFSTOPPED(status)) SAY("stopped by %d", WSTOPSIG(status));
  else if (WIFCONTINUED(status)) SAY("goes on");
  else if (WIFSIGNALED(status)) SAY("ended by %d", WTERMSIG(status));
  else SAY("exit %d", WEXITSTATUS(status));
}

static void *count(void *place) {
  for (;;) (*(volatile long *)place)++;
  return 0;
}

static void hit(int n) {
  (void)n;
  shared[9]++;
}

static pid_t begin(void (*body)(void)) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    body();
    _exit(7);
  }
  setpgid(child, child);
  return child;
}

static void sleeps(void) {
  struct timespec t = {1, 500000000};
  _exit(nanosleep(&t, 0) ? 1 : 5);
}

// Goes on only when the parent has heard of what was before: a second SIGCHLD is not noted while the first is pending.
static void turn(int number) {
  while (shared[5] < number) usleep(1000);
}

static void stops(void) {
  raise(SIGSTOP);
  turn(1);
  raise(SIGTSTP);
  turn(2);
  _exit(3);
}

static void spins(void) {
  pthread_t t;
  for (int i = 0; i < 2; i++) pthread_create(&t, 0, count, (void *)&shared[i]);
  count((void *)&shared[2]);
}

static void handles(void) {
  signal(SIGCONT, hit);
  signal(SIGUSR1, hit);
  raise(SIGSTOP);
  shared[8] = shared[9];
  _exit(4);
}

static void waits(void) {
  sigset_t set;
  struct timespec t = {5, 0};
  sigemptyset(&set), sigaddset(&set, SIGUSR2);
  sigprocmask(SIG_BLOCK, &set, 0);
  shared[4] = 1;
  int result = sigtimedwait(&set, 0, &t);
  _exit(result == -1 && errno == EINTR ? 6 : result);
}

int main(void) {
  struct sigaction a = {0};
  shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  a.sa_sigaction = child_changed;
  a.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(SIGCHLD, &a, 0);

  pid_t child = begin(stops);
  report(child, WUNTRACED);
  IS(told_that(CLD_STOPPED, SIGSTOP));
  report(child, WUNTRACED | WNOHANG);
  T(kill(child, SIGCONT));
  report(child, WCONTINUED | WUNTRACED);
  IS(told_that(CLD_CONTINUED, SIGCONT));
  shared[5] = 1;
  report(child, WUNTRACED);
  IS(told_that(CLD_STOPPED, SIGTSTP));
  T(kill(child, SIGCONT));
  IS(told_that(CLD_CONTINUED, SIGCONT));
  shared[5] = 2;
  report(child, 0);
  IS(told_that(CLD_EXITED, 3));

  SAY("a sleep");
  child = begin(sleeps);
  for (int i = 0; i < 3; i++) {
    usleep(20000);
    kill(child, SIGSTOP);
    report(child, WUNTRACED);
    kill(child, SIGCONT);
  }
  report(child, 0);

  SAY("threads");
  child = begin(spins);
  while (!shared[0] || !shared[1] || !shared[2]) usleep(1000);
  T(kill(child, SIGSTOP));
  report(child, WUNTRACED);
  usleep(50000);
  long before = shared[0] + shared[1] + shared[2];
  usleep(50000);
  IS(before == shared[0] + shared[1] + shared[2]);
  T(kill(child, SIGUSR2));
  report(child, WUNTRACED | WNOHANG);
  T(kill(child, SIGCONT));
  report(child, 0);
  child = begin(spins);
  usleep(20000);
  T(kill(child, SIGSTOP));
  report(child, WUNTRACED);
  T(kill(child, SIGKILL));
  report(child, 0);

  SAY("handlers");
  shared[9] = 0;
  child = begin(handles);
  report(child, WUNTRACED);
  T(kill(child, SIGUSR1));
  usleep(20000);
  T((int)shared[9]);
  T(kill(child, SIGCONT));
  report(child, 0);
  T((int)shared[8]);

  SAY("a wait for a signal");
  child = begin(waits);
  while (!shared[4]) usleep(1000);
  until_asleep(child);
  T(kill(child, SIGSTOP));
  report(child, WUNTRACED);
  T(kill(child, SIGCONT));
  report(child, 0);

  SAY("not told");
  a.sa_flags |= SA_NOCLDSTOP;
  sigaction(SIGCHLD, &a, 0);
  told = 0, shared[5] = 0;
  child = begin(stops);
  report(child, WUNTRACED);
  T(told);
  kill(child, SIGCONT);
  shared[5] = 1;
  report(child, WUNTRACED);
  T(told);
  T(kill(child, SIGKILL));
  report(child, 0);
  IS(told_that(CLD_KILLED, SIGKILL));
  T(told);
  return done();
}
