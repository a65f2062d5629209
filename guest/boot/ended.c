// Threads and processes that have ended leave nothing behind in the kernel: very many of them, one after the other and many at once.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AT_ONCE = 50, THREADS = 20000, PROCESSES = 1000 };

static long kernel_memory(void) {
  char line[128];
  long slab = 0;
  FILE *in = fopen("/proc/meminfo", "r");
  while (in && fgets(line, sizeof line, in)) sscanf(line, "Slab: %ld", &slab);
  if (in) fclose(in);
  return slab;
}

static void *nothing(void *argument) { return argument; }

static void threads(int count) {
  pthread_t all[AT_ONCE];
  for (int i = 0; i < count; i += AT_ONCE) {
    for (int k = 0; k < AT_ONCE; k++)
      if (pthread_create(&all[k], 0, nothing, 0)) puts("no thread"), exit(1);
    for (int k = 0; k < AT_ONCE; k++) pthread_join(all[k], 0);
  }
}

static void processes(int count) {
  for (int i = 0; i < count; i++) {
    pid_t child = i % 2 ? vfork() : fork();
    if (!child) _exit(7);
    int status;
    if (waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 7) puts("no child"), exit(1);
  }
}

int main(void) {
  // What each CPU keeps for those to come.
  threads(100 * AT_ONCE), processes(50);
  long before = kernel_memory();
  threads(THREADS);
  long after_threads = kernel_memory();
  processes(PROCESSES);
  long after = kernel_memory();
  printf("the kernel's objects: %ld kB, %ld kB after %d threads, %ld kB after %d processes\n", before, after_threads, THREADS, after, PROCESSES);
  puts(after_threads - before < 200 && after - after_threads < 50 ? "nothing is left" : "something is left");
}
