// execve in a thread ends the others, and the process keeps its id.
#include "../include/t.h"
#include <pthread.h>

static char path[4096];

static void *forever(void *unused) {
  for (volatile long i = 0;; i++);
  return unused;
}

static void *go(void *pid) {
  usleep(10000);
  execl(path, "x", (char *)pid, (char *)0);
  return 0;
}

int main(int argc, char **argv) {
  readlink("/proc/self/exe", path, sizeof path - 1);
  if (argc == 2) {
    IS(getpid() == atoi(argv[1]));
    IS(getpid() == syscall(SYS_gettid));
    return 4;
  }
  pthread_t t;
  static char pid[20];
  sprintf(pid, "%d", getpid());
  pthread_create(&t, 0, forever, 0);
  pthread_create(&t, 0, forever, 0);
  pthread_create(&t, 0, go, pid);
  for (;;) pause();
}
