// Every system call number from 0 to 1023 with hostile arguments from a fixed seed, from several threads: the kernel answers errors and lives.
//: linux-differs
//: cpus 2
//: timeout 90
//: env T_SECONDS=10
//
// Linux is not asked: some of these calls would harm the host. Calls whose success ends the program are left out, and calls that change mappings
// get addresses in an arena only, so that the program outlives them. A thread that blocks is replaced by a new one.
#include "../include/t.h"
#include <linux/futex.h>
#include <pthread.h>

#define ARENA (1 << 20)
#define WORKERS 6
#define MOST 120

struct worker { uint64_t seed; volatile uint64_t calls; volatile int number; uint64_t seen; bool abandoned; };

static char *arena;
static struct worker workers[MOST];
static volatile bool stop;
// Stacks are no mappings of their own: one could come to lie in a hole of the arena.
static char stacks[MOST][131072] __attribute__((aligned(4096)));

static uint64_t draw(struct worker *w) {
  w->seed ^= w->seed << 13, w->seed ^= w->seed >> 7, w->seed ^= w->seed << 17;
  return w->seed;
}

// Numbers whose success would end or disable the program itself.
static bool left_out(long nr) {
  static const short numbers[] = {
    SYS_exit, SYS_exit_group, SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_pidfd_send_signal,
    SYS_rt_sigreturn, SYS_fork, SYS_vfork, SYS_clone, SYS_clone3, SYS_execve, SYS_execveat, SYS_reboot, SYS_alarm, SYS_setitimer,
    SYS_timer_create, SYS_timer_settime, SYS_seccomp, SYS_rseq, SYS_shmat, SYS_mlockall, SYS_sched_setscheduler, SYS_sched_setattr,
    SYS_sched_setparam, SYS_setrlimit, SYS_prlimit64, SYS_userfaultfd, SYS_kexec_load, SYS_kexec_file_load, SYS_process_madvise,
    SYS_brk, SYS_rt_sigaction,
  };
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (numbers[i] == nr) return true;
  return false;
}

static bool changes_mappings(long nr) {
  return nr == SYS_mmap || nr == SYS_munmap || nr == SYS_mprotect || nr == SYS_mremap || nr == SYS_madvise || nr == SYS_remap_file_pages ||
    nr == SYS_pkey_mprotect || nr == 462;
}

static uint64_t number(struct worker *w) {
  static const uint64_t edges[] = {0, 1, 2, 3, 7, 8, 16, 63, 64, 255, 256, 4095, 4096, 4097, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff,
    0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0xfffffffffffff000, 0xffff800000000000, 0xffffffff80000000,
    0x7ffffffff000, 0x7fffffffeff8, 0x800000000000};
  uint64_t r = draw(w);
  switch (r >> 8 & 7) {
    case 0: case 1: return edges[(r >> 16) % (sizeof edges / sizeof *edges)];
    case 2: return r >> 16 & 31;
    case 3: return 1ull << (r >> 16 & 63);
    case 4: return (1ull << (r >> 16 & 63)) - 1;
    case 5: return (r >> 16) & 0xffff;
    case 6: return -(r >> 16 & 0xfff);
    default: return r >> (r >> 16 & 63);
  }
}

static uint64_t address(struct worker *w) {
  uint64_t r = draw(w);
  switch (r >> 8 & 7) {
    case 0: return (uint64_t)arena + (r >> 16) % ARENA;
    case 1: return (uint64_t)arena + ((r >> 16) % ARENA & ~4095ull);
    case 2: return (uint64_t)arena + ARENA - (r >> 16 & 63);
    case 3: return (uint64_t)arena + ARENA - 4096 + (r >> 16 & 4088);
    default: return (uint64_t)arena + ((r >> 16) % ARENA & ~7ull);
  }
}

static void one(struct worker *w) {
  long nr = draw(w) >> 20 & 1023;
  if (left_out(nr)) return;
  uint64_t a[6];
  for (int i = 0; i < 6; i++) a[i] = draw(w) >> 30 & 1 ? address(w) : number(w);
  if (changes_mappings(nr)) {
    a[0] = address(w);
    a[1] = (draw(w) >> 20) % ((uint64_t)arena + ARENA - a[0] + 1);
    if (nr == SYS_mmap) a[3] &= ~(uint64_t)(MAP_POPULATE | MAP_LOCKED | MAP_HUGETLB | MAP_GROWSDOWN);
    if (nr == SYS_mremap) a[2] %= ARENA / 2, a[3] &= ~(uint64_t)MREMAP_FIXED;
  }
  // Strict seccomp, changing the memory layout, forbidding the time stamp counter and a new thread pointer would end the program.
  if (nr == SYS_prctl && (a[0] == 22 || a[0] == 35 || a[0] == 26 || a[0] == 36)) return;
  if (nr == SYS_arch_prctl && (a[0] & 0xfff) == 2) return;
  if (nr == SYS_arch_prctl) a[0] = 0x1001 + (a[0] & 2);
  // Descriptors 0 to 2 stay, to have something to report through.
  if ((nr == SYS_close || nr == SYS_dup2 || nr == SYS_dup3 || nr == SYS_close_range) && (a[0] < 3 || a[1] < 3)) return;
  w->number = (int)nr;
  syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
  w->calls++;
  if ((w->calls & 15) == 0) {
    // Fresh content: small numbers, addresses, and now and then a name.
    uint64_t at = address(w) & ~7ull;
    if (at + 64 <= (uint64_t)arena + ARENA - 4096) {
      uint64_t word = draw(w) >> 20 & 1 ? address(w) : number(w);
      // The page may be gone or read-only: let the kernel write, which answers EFAULT.
      int fd = (int)(w - workers) + 200;
      pwrite(fd, &word, 8, 0);
      pread(fd, (void *)at, 8, 0);
    }
  }
}

static void *work(void *arg) {
  struct worker *w = arg;
  while (!stop && !w->abandoned) one(w);
  return 0;
}

static void prepare(void) {
  // Between guards, so that nothing else lies next to it.
  char *area = mmap(0, 3 * ARENA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  arena = area + ARENA;
  mprotect(arena, ARENA, PROT_READ | PROT_WRITE);
  static const char *names[] = {"/tmp/t/file", "/proc/self/maps", "/dev/null", ".", "/tmp/t", "", "/dev/zero", "../../x", "/proc/self/fd/5"};
  for (size_t i = 0; i < ARENA / 64; i++) strcpy(arena + i * 64, names[i % 9]);
  put("file", "content");
  open("file", O_RDWR), open(".", O_RDONLY), open("/dev/zero", O_RDWR), open("/dev/null", O_RDWR);
  int p[2];
  pipe2(p, O_NONBLOCK);
  for (int i = 0; i < MOST; i++) {
    int fd = memfd_create("scratch", 0);
    dup2(fd, 200 + i);
    close(fd);
  }
}

static void start(int n, uint64_t seed) {
  pthread_t t;
  pthread_attr_t a;
  pthread_attr_init(&a);
  pthread_attr_setstack(&a, stacks[n], sizeof stacks[n]);
  pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
  workers[n].seed = (seed + (uint64_t)n + 1) * 0x9e3779b97f4a7c15;
  pthread_create(&t, &a, work, &workers[n]);
}

int main(void) {
  const char *text = getenv("T_SECONDS"), *given = getenv("T_SEED");
  long seconds = text ? atol(text) : 10;
  uint64_t seed = given ? (uint64_t)atoll(given) : 42;
  for (int i = 1; i < 65; i++) signal(i, SIG_IGN);
  prepare();
  int running = 0;
  for (; running < WORKERS; running++) start(running, seed);
  long long end = now_ns(CLOCK_MONOTONIC) + seconds * 1000000000;
  while (now_ns(CLOCK_MONOTONIC) < end) {
    // A worker that made no call since the last look is blocked.
    usleep(100000);
    for (int i = 0; i < running; i++) {
      if (workers[i].abandoned) continue;
      if (workers[i].calls == workers[i].seen && running < MOST) {
        workers[i].abandoned = true;
        start(running++, seed);
      }
      workers[i].seen = workers[i].calls;
    }
  }
  stop = true;
  uint64_t calls = 0;
  for (int i = 0; i < running; i++) calls += workers[i].calls;
  SAY("%s", calls > 1000 ? "the kernel lives" : "too few calls were made");
  _exit(calls > 1000 ? 0 : 1);
}
