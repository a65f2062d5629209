// The limit of running time: a signal at the soft one and every second after that, the end at the hard one; children have it for themselves.
//: timeout 120
#include "../include/t.h"
#include <sys/resource.h>
#include <sys/wait.h>

static volatile unsigned sum;
static volatile int signals;
static void count(int n) { (void)n; signals++; }

static long ran(struct rusage *r) {
  return (r->ru_utime.tv_sec + r->ru_stime.tv_sec) * 1000000L + r->ru_utime.tv_usec + r->ru_stime.tv_usec;
}

int main(void) {
  struct rusage usage;
  int status;
  struct rlimit limit = {1, 2};
  pid_t child = fork();
  if (child == 0) {
    setrlimit(RLIMIT_CPU, &limit);
    // A child begins anew, with the same limits.
    pid_t grandchild = fork();
    if (grandchild == 0) {
      signal(SIGXCPU, count);
      while (!signals) sum++;
      getrlimit(RLIMIT_CPU, &limit);
      getrusage(RUSAGE_SELF, &usage);
      // How much later this is depends on what else the machine has to do.
      if (limit.rlim_cur != 2 || ran(&usage) < 500000) _exit(1);
      for (;;) sum++;
    }
    wait4(grandchild, &status, 0, &usage);
    _exit(WIFSIGNALED(status) && ran(&usage) >= 1200000 ? WTERMSIG(status) : 1);
  }
  waitpid(child, &status, 0);
  IS(WIFEXITED(status) && WEXITSTATUS(status) == SIGKILL);
  getrusage(RUSAGE_CHILDREN, &usage);
  IS(ran(&usage) >= 1200000);
  limit = (struct rlimit){5, 4};
  T(setrlimit(RLIMIT_CPU, &limit));
  limit = (struct rlimit){1, 2};
  T(setrlimit(RLIMIT_CPU, &limit));
  return done();
}
