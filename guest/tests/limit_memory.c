// RLIMIT_AS, DATA, STACK and MEMLOCK bound mappings, the break, what grows, what moves and what is locked, for one without privileges.
//: root
//: cpus 1 4
#include "../include/t.h"
#include <sys/resource.h>
#include <sys/wait.h>

#define MiB (1L << 20)
static int rw = PROT_READ | PROT_WRITE, anon = MAP_PRIVATE | MAP_ANONYMOUS;

static void limit(int which, rlim_t soft) {
  struct rlimit l;
  getrlimit(which, &l);
  l.rlim_cur = soft;
  if (setrlimit(which, &l)) SAY("no limit of %ld", (long)soft);
}

// In a process of its own: how that ends.
#define ALONE(what) do { fflush(stdout); pid_t child = fork(); int status; if (!child) { what; _exit(done()); } waitpid(child, &status, 0); \
  if (WIFSIGNALED(status)) SAY("%s: signal %d", #what, WTERMSIG(status)); else SAY("%s: exit %d", #what, WEXITSTATUS(status)); } while (0)

static void space(void) {
  char *a = mmap(0, 8 * MiB, rw, anon, -1, 0);
  limit(RLIMIT_AS, 64 * MiB);
  OK(mmap(0, 30 * MiB, PROT_NONE, anon, -1, 0));
  OK(mmap(0, 60 * MiB, PROT_NONE, anon, -1, 0));
  OK(mremap(a, 8 * MiB, 60 * MiB, MREMAP_MAYMOVE));
  OK(mremap(a, 8 * MiB, 10 * MiB, MREMAP_MAYMOVE));
  OK(sbrk(60 * MiB));
  OK(sbrk(4 * MiB));
  int fd = memfd_create("m", 0);
  ftruncate(fd, 60 * MiB);
  OK(mmap(0, 60 * MiB, PROT_READ, MAP_SHARED, fd, 0));
  OK(mmap(0, 4 * MiB, PROT_READ, MAP_SHARED, fd, 0));
  OK(munmap(a, 4096));
}

static void data(void) {
  char *ro = mmap(0, 20 * MiB, PROT_READ, anon, -1, 0);
  char *a = mmap(0, MiB, rw, anon, -1, 0);
  limit(RLIMIT_DATA, 16 * MiB);
  OK(mmap(0, 20 * MiB, PROT_READ, anon, -1, 0));
  OK(mmap(0, 20 * MiB, rw, anon, -1, 0));
  OK(mmap(0, 20 * MiB, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  OK(mprotect(ro, 20 * MiB, rw));
  OK(mprotect(ro, MiB, rw));
  OK(mremap(a, MiB, 20 * MiB, MREMAP_MAYMOVE));
  OK(sbrk(20 * MiB));
  OK(sbrk(MiB));
  OK(mmap(0, 4 * MiB, rw, anon, -1, 0));
  limit(RLIMIT_DATA, 0);
  OK(mmap(0, 4096, rw, anon, -1, 0));
  OK(mmap(0, 4096, PROT_READ, anon, -1, 0));
  OK(sbrk(4096));
}

static int deep(int pages) {
  volatile char page[4096];
  page[0] = (char)pages;
  return pages ? deep(pages - 1) + page[0] : 0;
}

static void stack(int kib, int pages) {
  limit(RLIMIT_STACK, kib * 1024L);
  deep(pages);
}

static void stack_and_space(void) {
  limit(RLIMIT_STACK, 64 * MiB);
  limit(RLIMIT_AS, 12 * MiB);
  deep(200);
  SAY("200 pages");
  deep(12000);
}

static void run(rlim_t stack, long words) {
  limit(RLIMIT_STACK, stack);
  static char *arguments[100002] = {"/bin/true"};
  static char word[11] = "0123456789";
  for (long i = 1; i <= words; i++) arguments[i] = word;
  execv("/proc/self/exe", arguments);
  T(-1);
}

static void locking(void) {
  char *a = mmap(0, 8 * MiB, rw, anon, -1, 0);
  limit(RLIMIT_MEMLOCK, MiB);
  if (setresuid(1000, 1000, 1000)) return;
  T(mlock(a, MiB));
  T(mlock(a, MiB));
  T(mlock(a + MiB, 4096));
  T(munlock(a, 4096));
  T(mlock(a + MiB, 4096));
  T(mlock2(a + 2 * MiB, 4096, MLOCK_ONFAULT));
  T(mlockall(MCL_CURRENT));
  OK(mmap(0, 2 * MiB, rw, anon | MAP_LOCKED, -1, 0));
  OK(mremap(a, MiB, 3 * MiB, MREMAP_MAYMOVE));
  T(munlock(a, 2 * MiB));
  OK(mmap(0, MiB / 2, rw, anon | MAP_LOCKED, -1, 0));
  T(mlockall(MCL_FUTURE));
  OK(mmap(0, MiB, rw, anon, -1, 0));
  OK(mmap(0, 4096, rw, anon, -1, 0));
  OK(sbrk(MiB));
  T(munlockall());
  limit(RLIMIT_MEMLOCK, 0);
  T(mlock(a, 4096));
  T(mlockall(MCL_FUTURE));
  OK(mmap(0, 4096, rw, anon | MAP_LOCKED, -1, 0));
  T(munlock(a, 4096));
  T(munlockall());
}

int main(int count, char **arguments) {
  (void)arguments;
  if (count > 1) return count & 0xff;
  ALONE(space());
  ALONE(data());
  ALONE(stack(8192, 1000));
  ALONE(stack(1024, 100));
  ALONE(stack(1024, 400));
  ALONE(stack(16384, 3000));
  ALONE(stack_and_space());
  ALONE(run(8 * MiB, 1000));
  ALONE(run(512 * 1024, 100000));
  ALONE(run(512 * 1024, 3000));
  ALONE(locking());
  return done();
}
