// A child that takes all memory is killed, and nobody else: neither its parent nor a sister with a little memory; then there is memory again.
//: linux-differs as long as a machine of its own is not at hand
//: memory 64M
//: timeout 60
#include "../include/t.h"
#include <sys/wait.h>

#define PART (32 << 20)

static pid_t take(size_t bytes, int protect) {
  int ends[2];
  pipe(ends);
  pid_t child = fork();
  if (child == 0) {
    if (protect) {
      int file = open("/proc/self/oom_score_adj", O_WRONLY);
      if (write(file, "-1000", 5) != 5) _exit(1);
      close(file);
    }
    // All is promised before any of it is used.
    char *parts[32];
    int count = 0;
    for (size_t left = bytes; left > 0; left -= left < PART ? left : PART) {
      size_t size = left < PART ? left : PART;
      char *part = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (part == MAP_FAILED) _exit(3);
      parts[count++] = part;
    }
    for (int i = 0; i < count; i++)
      for (size_t at = 0; at < PART && i * (size_t)PART + at < bytes; at += 4096) parts[i][at] = 1;
    close(ends[0]);
    close(ends[1]);
    for (;;) pause();
  }
  // Until it has its memory, or has ended.
  close(ends[1]);
  char c;
  while (read(ends[0], &c, 1) > 0) {}
  close(ends[0]);
  return child;
}

static bool lives(pid_t child) {
  int status;
  return waitpid(child, &status, WNOHANG) == 0;
}

static bool was_killed(pid_t child) {
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

int main(void) {
  pid_t small = take(1 << 20, 0), other = take(2 << 20, 0);
  for (int i = 0; i < 5; i++) IS(was_killed(take(1 << 30, 0)));
  IS(lives(small) && lives(other));
  // Two at the same time: one after the other goes.
  pid_t one = fork();
  if (one == 0) { was_killed(take(1 << 30, 0)); _exit(0); }
  IS(was_killed(take(1 << 30, 0)));
  int status;
  IS(waitpid(one, &status, 0) == one && status == 0);
  // The larger of two goes, whoever asks for the rest; but not one that is protected.
  pid_t large = take(20 << 20, 1), medium = take(15 << 20, 0), third = take(14 << 20, 0);
  pid_t rest = take(12 << 20, 0);
  IS(was_killed(medium));
  IS(lives(large) && lives(third) && lives(rest));
  kill(-1, SIGKILL);
  IS(was_killed(large) && was_killed(third) && was_killed(rest) && was_killed(small) && was_killed(other));
  char *mine = malloc(40 << 20);
  memset(mine, 1, 40 << 20);
  IS(mine[39 << 20] == 1);
  return done();
}
