// What every test program uses: showing calls and their results without addresses, process numbers or times, so that the output is the same everywhere.
//
//   T(call)     prints "call = result", or the name of the error
//   OK(call)    prints "call = ok" or the name of the error, for results that differ from run to run
//   IS(fact)    prints whether it holds; a fact that does not hold makes the program exit with 1
//   SAY(...)    prints a line
//
// Programs work in a fresh empty directory: the current one on Linux, the writable /tmp/t in the guest. They end with `return done();`.
#ifndef T_H
#define T_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int t_failed;

static const char *t_error(int number) {
  static const struct { int number; const char *name; } names[] = {
    {EPERM, "EPERM"}, {ENOENT, "ENOENT"}, {ESRCH, "ESRCH"}, {EINTR, "EINTR"}, {EIO, "EIO"}, {ENXIO, "ENXIO"}, {E2BIG, "E2BIG"},
    {ENOEXEC, "ENOEXEC"}, {EBADF, "EBADF"}, {ECHILD, "ECHILD"}, {EAGAIN, "EAGAIN"}, {ENOMEM, "ENOMEM"}, {EACCES, "EACCES"},
    {EFAULT, "EFAULT"}, {EBUSY, "EBUSY"}, {EEXIST, "EEXIST"}, {EXDEV, "EXDEV"}, {ENODEV, "ENODEV"}, {ENOTDIR, "ENOTDIR"},
    {EISDIR, "EISDIR"}, {EINVAL, "EINVAL"}, {ENFILE, "ENFILE"}, {EMFILE, "EMFILE"}, {ENOTTY, "ENOTTY"}, {ETXTBSY, "ETXTBSY"},
    {EFBIG, "EFBIG"}, {ENOSPC, "ENOSPC"}, {ESPIPE, "ESPIPE"}, {EROFS, "EROFS"}, {EMLINK, "EMLINK"}, {EPIPE, "EPIPE"}, {EDOM, "EDOM"},
    {ERANGE, "ERANGE"}, {EDEADLK, "EDEADLK"}, {ENAMETOOLONG, "ENAMETOOLONG"}, {ENOLCK, "ENOLCK"}, {ENOSYS, "ENOSYS"},
    {ENOTEMPTY, "ENOTEMPTY"}, {ELOOP, "ELOOP"}, {ENODATA, "ENODATA"}, {EOVERFLOW, "EOVERFLOW"}, {ENOTSOCK, "ENOTSOCK"},
    {EOPNOTSUPP, "EOPNOTSUPP"}, {ETIMEDOUT, "ETIMEDOUT"}, {EALREADY, "EALREADY"}, {EOWNERDEAD, "EOWNERDEAD"},
    {ENOTRECOVERABLE, "ENOTRECOVERABLE"}, {ELIBBAD, "ELIBBAD"}, {EUCLEAN, "EUCLEAN"}, {EADDRINUSE, "EADDRINUSE"},
    {EDESTADDRREQ, "EDESTADDRREQ"}, {ENOTCONN, "ENOTCONN"}, {EISCONN, "EISCONN"}, {ECONNREFUSED, "ECONNREFUSED"}, {EMSGSIZE, "EMSGSIZE"},
    {ECANCELED, "ECANCELED"}, {EAFNOSUPPORT, "EAFNOSUPPORT"}, {ECONNRESET, "ECONNRESET"}, {EPROTONOSUPPORT, "EPROTONOSUPPORT"},
  };
  static char other[24];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].number == number) return names[i].name;
  snprintf(other, sizeof other, "error %d", number);
  return other;
}

static inline long t_value(const char *call, long result) {
  int error = errno;
  if (result == -1) printf("%s = -1 %s\n", call, t_error(error));
  else printf("%s = %ld\n", call, result);
  errno = error;
  return result;
}

static inline long t_ok(const char *call, long result) {
  int error = errno;
  printf("%s = %s\n", call, result == -1 ? t_error(error) : "ok");
  errno = error;
  return result;
}

static inline bool t_is(const char *fact, bool holds) {
  printf("%s: %s\n", fact, holds ? "yes" : "NO");
  if (!holds) t_failed = 1;
  return holds;
}

#define T(call) (errno = 0, t_value(#call, (long)(call)))
#define OK(call) (errno = 0, t_ok(#call, (long)(call)))
#define IS(fact) t_is(#fact, (fact))
#define SAY(...) (printf(__VA_ARGS__), putchar('\n'))

// For threads: the error number that pthread functions return.
#define E(call) t_error_of(#call, (call))
static inline int t_error_of(const char *call, int error) {
  printf("%s = %s\n", call, error ? t_error(error) : "0");
  return error;
}

// Every line is written at once, so that a program that dies has shown what it did before. A shell ignores signals of the keyboard for what it runs in the
// background, and `nohup` the hang-up: a test begins with the defaults of these, whoever started it.
__attribute__((constructor)) static void t_start(void) {
  static const int inherited[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE};
  for (unsigned i = 0; i < sizeof inherited / sizeof *inherited; i++) signal(inherited[i], SIG_DFL);
  static char buffer[8192];
  setvbuf(stdout, buffer, _IOLBF, sizeof buffer);
  if (!getenv("T_HERE")) {
    mkdir("/tmp", 01777);
    mkdir("/tmp/t", 0777);
    if (chdir("/tmp/t")) printf("no place to work in: %s\n", t_error(errno));
  }
}

static inline int done(void) {
  fflush(stdout);
  return t_failed;
}

// Makes a file with that content.
static inline void put(const char *path, const char *content) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || write(fd, content, strlen(content)) != (ssize_t)strlen(content)) printf("cannot make %s: %s\n", path, t_error(errno));
  close(fd);
}

// Shows a file's content.
static inline void show(const char *path) {
  char bytes[4096];
  int fd = open(path, O_RDONLY);
  ssize_t len = fd < 0 ? -1 : read(fd, bytes, sizeof bytes - 1);
  if (len < 0) printf("%s: %s\n", path, t_error(errno));
  else bytes[len] = 0, printf("%s: \"%s\"\n", path, bytes);
  if (fd >= 0) close(fd);
}

// Waits until a thread of this process, or another process, sleeps: until it is where what comes next is to find it, however busy the machine is.
static inline void until_asleep(pid_t tid) {
  for (;; usleep(1000)) {
    char path[64], text[512] = {0};
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
      snprintf(path, sizeof path, "/proc/%d/stat", tid);
      fd = open(path, O_RDONLY);
    }
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    close(fd);
    char *end = len < 0 ? NULL : strrchr(text, ')');
    // Whoever has ended never sleeps: that is seen by what comes next.
    if (!end || end[2] == 'S' || end[2] == 'Z' || end[2] == 'X') return;
  }
}

static inline long long now_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}
#endif
