// exec resets handlers, keeps ignored signals, the mask and what is pending.
#include "../include/t.h"

static void handler(int n) { (void)n; }

int main(int argc, char **argv) {
  (void)argv;
  if (argc > 1) {
    struct sigaction a;
    sigset_t s;
    sigaction(SIGUSR1, 0, &a);
    IS(a.sa_handler == SIG_DFL);
    sigaction(SIGUSR2, 0, &a);
    IS(a.sa_handler == SIG_IGN);
    sigprocmask(SIG_BLOCK, 0, &s);
    T(sigismember(&s, SIGTERM));
    sigpending(&s);
    T(sigismember(&s, SIGTERM));
    sigemptyset(&s);
    fflush(stdout);
    sigprocmask(SIG_SETMASK, &s, 0);
    return 1;
  }
  char path[4096] = {0};
  readlink("/proc/self/exe", path, sizeof path - 1);
  signal(SIGUSR1, handler), signal(SIGUSR2, SIG_IGN);
  sigset_t s;
  sigemptyset(&s);
  sigaddset(&s, SIGTERM);
  sigprocmask(SIG_SETMASK, &s, 0);
  raise(SIGTERM);
  setenv("T_HERE", "1", 1);
  execl(path, "x", "2", (char *)0);
  return 2;
}
