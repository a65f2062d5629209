// A hundred thousand arguments, and more bytes of them than any one piece of the kernel's memory has; descriptors by the ten thousand in one poll.
//: memory 256M
#include "../include/t.h"
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>

static int run(char **arguments) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    execv("/proc/self/exe", arguments);
    _exit(errno == E2BIG ? 72 : 71);
  }
  int status;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

// The program again: says whether all arguments came.
static int check(int count, char **arguments) {
  size_t bytes = 0;
  for (int n = 2; n < count; n++) bytes += strlen(arguments[n]) + 1;
  printf("%d arguments, %zu bytes, the last begins with %.8s\n", count, bytes, arguments[count - 1]);
  int line = open("/proc/self/cmdline", O_RDONLY);
  char piece[4096];
  ssize_t got, sum = 0;
  while ((got = read(line, piece, sizeof piece)) > 0) sum += got;
  printf("%d\n", sum >= (ssize_t)(bytes < (1 << 20) ? bytes : 1 << 20));
  return 0;
}

int main(int count, char **given) {
  if (count > 1 && !strcmp(given[1], "check")) return check(count, given);
  enum { MANY = 100000, LONG = 100000, ENTRIES = 20000 };
  static char *arguments[MANY + 3], numbers[MANY][8];
  arguments[0] = "exec_many", arguments[1] = "check";
  for (int n = 0; n < MANY; n++) {
    snprintf(numbers[n], sizeof numbers[n], "%d", n);
    arguments[2 + n] = numbers[n];
  }
  T(run(arguments));
  struct rlimit limit = {64 << 20, RLIM_INFINITY};
  getrlimit(RLIMIT_STACK, &limit);
  limit.rlim_cur = limit.rlim_max < (64 << 20) ? limit.rlim_max : 64 << 20;
  setrlimit(RLIMIT_STACK, &limit);
  static char longest[LONG + 1];
  memset(longest, 'x', LONG);
  for (int n = 0; n < 40; n++) arguments[2 + n] = longest;
  arguments[42] = 0;
  T(run(arguments));
  for (int n = 0; n < 70; n++) arguments[2 + n] = longest;
  arguments[72] = 0;
  T(run(arguments));

  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max < ENTRIES ? limit.rlim_max : ENTRIES;
  setrlimit(RLIMIT_NOFILE, &limit);
  static struct pollfd entries[ENTRIES];
  for (int n = 0; n < ENTRIES; n++) entries[n] = (struct pollfd){-1, POLLIN, 0};
  int p[2];
  if (pipe(p)) return 1;
  for (int n = 0; n < ENTRIES / 2; n++) entries[n].fd = p[1], entries[n].events = POLLOUT;
  SAY("%d", limit.rlim_cur < ENTRIES || poll(entries, ENTRIES, 0) == ENTRIES / 2);
  return done();
}
