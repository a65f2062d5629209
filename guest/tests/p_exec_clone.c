// A program takes the place of another whose threads make threads, and whichever of them asks for it first.
//: timeout 90
#include "../include/t.h"
#include <pthread.h>
#include <sys/wait.h>

static void *nothing(void *unused) { return unused; }

static void *makes_threads(void *unused) {
  for (;;) {
    pthread_t t;
    if (pthread_create(&t, 0, nothing, 0) == 0) pthread_join(t, 0);
  }
  return unused;
}

static void *executes(void *unused) {
  execl("/proc/self/exe", "again", "again", (char *)NULL);
  _exit(9);
  return unused;
}

int main(int count, char **arguments) {
  if (count > 1 && !strcmp(arguments[1], "again")) _exit(getpid() == gettid() ? 7 : 8);
  int right = 0;
  for (int round = 0; round < 40; round++) {
    pid_t child = fork();
    if (child == 0) {
      pthread_t t;
      for (int i = 0; i < 3; i++) pthread_create(&t, 0, makes_threads, 0);
      // The first thread does it, or another, or both.
      if (round % 3 != 0) pthread_create(&t, 0, executes, 0);
      if (round % 3 != 1) executes(0);
      pause();
    }
    int status;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 7) right++;
    else SAY("round %d: %x", round, status);
  }
  T(right);
  return done();
}
