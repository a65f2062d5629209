// RLIMIT_FSIZE stops whatever would make a file longer, with EFBIG and SIGXFSZ, and nothing else.
//: cpus 1 4
#include "../include/t.h"
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

static volatile int told;
static void count(int signal) { told += signal == SIGXFSZ; }
static void limit(rlim_t soft) {
  struct rlimit l;
  getrlimit(RLIMIT_FSIZE, &l);
  l.rlim_cur = soft;
  if (setrlimit(RLIMIT_FSIZE, &l)) SAY("no limit of %ld", (long)soft);
}
// The call, how often the signal came, and how long the file is then.
#define L(call) do { told = 0; T(call); struct stat st; fstat(fd, &st); SAY("  signals %d, length %ld", told, (long)st.st_size); } while (0)

int main(void) {
  static char b[4000];
  signal(SIGXFSZ, count);
  int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
  limit(1000);
  L(write(fd, b, 600));
  L(write(fd, b, 0));
  L(write(fd, b, 600));
  L(write(fd, b, 0));
  L(write(fd, b, 1));
  L(pwrite(fd, b, 10, 999));
  L(pwrite(fd, b, 10, 1000));
  L(pwrite(fd, b, 0, 5000));
  struct iovec v[2] = {{b, 700}, {b, 700}};
  L(pwritev(fd, v, 2, 10));
  L(pwritev(fd, v, 2, 1000));
  lseek(fd, 0, SEEK_SET);
  L(writev(fd, v, 2));
  L(writev(fd, v, 2));
  L(ftruncate(fd, 1000));
  L(ftruncate(fd, 1001));
  L(truncate("f", 1001));
  L(truncate("f", 10));
  L(fallocate(fd, 0, 0, 1000));
  L(fallocate(fd, 0, 500, 501));
  // What is longer already may become shorter, and be written to below the limit.
  limit(RLIM_INFINITY);
  L(ftruncate(fd, 3000));
  limit(1000);
  L(ftruncate(fd, 2000));
  L(ftruncate(fd, 2001));
  L(pwrite(fd, b, 10, 1500));
  L(pwrite(fd, b, 10, 500));
  L(fallocate(fd, 0, 0, 1900));
  L(fallocate(fd, 0, 0, 2100));
  L(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1500));
  // Appending.
  ftruncate(fd, 990);
  int end = open("f", O_WRONLY | O_APPEND);
  L(write(end, b, 20));
  L(write(end, b, 20));
  L(pwrite(end, b, 20, 0));
  // By way of the kernel.
  int from = open("from", O_RDWR | O_CREAT | O_TRUNC, 0644), p[2];
  T(write(from, b, 1000));
  ftruncate(fd, 0);
  lseek(fd, 700, SEEK_SET);
  off_t at = 0;
  L(sendfile(fd, from, &at, 800));
  T((long)at);
  L(sendfile(fd, from, &at, 800));
  ftruncate(fd, 0);
  loff_t in = 0, out = 900;
  L(copy_file_range(from, &in, fd, &out, 500, 0));
  L(copy_file_range(from, &in, fd, &out, 500, 0));
  T((long)in);
  T((long)out);
  T(pipe(p));
  T(write(p[1], b, 300));
  out = 900;
  L(splice(p[0], 0, fd, &out, 300, 0));
  L(splice(p[0], 0, fd, &out, 200, 0));
  T((long)out);
  // What is no regular file has no limit.
  T(write(p[1], b, 3000));
  int null = open("/dev/null", O_WRONLY);
  T(write(null, b, 3000));
  // Memory without a name has one.
  fd = memfd_create("m", 0);
  L(ftruncate(fd, 1001));
  L(write(fd, b, 1001));
  // A new file whose first byte may not be written; and the signal, when nobody waits for it.
  limit(0);
  fd = open("g", O_RDWR | O_CREAT | O_TRUNC, 0644);
  L(write(fd, b, 1));
  pid_t child = fork();
  int status;
  if (!child) {
    signal(SIGXFSZ, SIG_DFL);
    write(fd, b, 1);
    _exit(0);
  }
  waitpid(child, &status, 0);
  SAY("killed %d by %s", WIFSIGNALED(status), WTERMSIG(status) == SIGXFSZ ? "SIGXFSZ" : "another");
  return done();
}
