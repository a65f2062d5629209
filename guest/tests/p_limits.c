// RLIMIT_NICE, RTPRIO, SIGPENDING, NPROC and NOFILE for one without privileges, and who may set the limits of whom.
//: root
//: cpus 1 4
#include "../include/t.h"
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

static void limit(int which, rlim_t soft, rlim_t hard) {
  struct rlimit l = {soft, hard};
  if (setrlimit(which, &l)) SAY("limit %d: %s", which, t_error(errno));
}

static void become(uid_t user) {
  if (setresgid(user, user, user) || setresuid(user, user, user)) SAY("cannot become %d", (int)user);
}

#define ALONE(what) do { fflush(stdout); pid_t child = fork(); int status; if (!child) { what; _exit(done()); } waitpid(child, &status, 0); \
  if (WIFSIGNALED(status)) SAY("%s: signal %d", #what, WTERMSIG(status)); else SAY("%s: exit %d", #what, WEXITSTATUS(status)); } while (0)

struct attr { unsigned size, policy; unsigned long flags; int nice; unsigned priority; unsigned long runtime, deadline, period; };

static void niceness(void) {
  struct attr a = {sizeof a, SCHED_OTHER, 0, 0, 0, 0, 0, 0};
  struct sched_param none = {0};
  setpriority(PRIO_PROCESS, 0, 0);
  limit(RLIMIT_NICE, 0, 0);
  become(64801);
  T(setpriority(PRIO_PROCESS, 0, 5));
  T(setpriority(PRIO_PROCESS, 0, 5));
  T(setpriority(PRIO_PROCESS, 0, 4));
  T(nice(-1));
  a.nice = 4;
  T(syscall(SYS_sched_setattr, 0, &a, 0));
  a.nice = 7;
  T(syscall(SYS_sched_setattr, 0, &a, 0));
  T(getpriority(PRIO_PROCESS, 0));
  T(setpriority(PRIO_PROCESS, 1, 10));
  T(setpriority(PRIO_USER, 0, 8));
  T(getpriority(PRIO_USER, 64801));
  T(sched_setscheduler(0, SCHED_IDLE, &none));
  T(sched_setscheduler(0, SCHED_OTHER, &none));
  T(sched_setscheduler(0, SCHED_BATCH, &none));
  T(sched_setscheduler(1, SCHED_BATCH, &none));
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  T(sched_setaffinity(1, sizeof one, &one));
}

static void nicer(void) {
  struct attr a = {sizeof a, SCHED_OTHER, 0, -6, 0, 0, 0, 0};
  struct sched_param none = {0};
  setpriority(PRIO_PROCESS, 0, 10);
  struct rlimit l;
  getrlimit(RLIMIT_NICE, &l);
  if (l.rlim_max >= 15) limit(RLIMIT_NICE, 15, 15);
  getrlimit(RLIMIT_NICE, &l);
  become(64801);
  // Down to 20 less the limit.
  int floor = 20 - (int)l.rlim_cur;
  IS(setpriority(PRIO_PROCESS, 0, floor > 19 ? 19 : floor) == 0);
  IS(floor > 19 || (setpriority(PRIO_PROCESS, 0, floor - 1) == -1 && errno == EACCES));
  IS(syscall(SYS_sched_setattr, 0, &a, 0) == -1 && errno == EPERM);
  IS(sched_setscheduler(0, SCHED_BATCH | 0x40000000, &none) == 0);
  IS(sched_setscheduler(0, SCHED_BATCH, &none) == -1 && errno == EPERM);
}

static void realtime(void) {
  struct sched_param one = {1}, none = {0};
  limit(RLIMIT_RTPRIO, 0, 0);
  become(64802);
  T(sched_setscheduler(0, SCHED_FIFO, &one));
  T(sched_setscheduler(0, SCHED_RR, &one));
  T(sched_setscheduler(0, SCHED_RR, &none));
  T(sched_setscheduler(0, SCHED_OTHER, &one));
  T(sched_setparam(0, &one));
}

static int queue(pid_t to, int signal, int value) {
  return sigqueue(to, signal, (union sigval){.sival_int = value});
}

static void pending(void) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, 0);
  int ready[2], go[2];
  if (pipe(ready) || pipe(go)) return;
  limit(RLIMIT_SIGPENDING, 10, 10);
  become(64803);
  pid_t other = fork();
  char c = 0;
  if (!other) {
    while (read(go[0], &c, 1) == 1 && c != 'x') {
      siginfo_t info;
      struct timespec now = {0};
      int n = 0;
      while (sigtimedwait(&all, &info, &now) > 0) n++;
      c = (char)n;
      write(ready[1], &c, 1);
    }
    _exit(0);
  }
  int n = 0;
  while (queue(getpid(), SIGRTMIN, n) == 0) n++;
  T(n);
  T(queue(getpid(), SIGRTMIN, 99));
  T(queue(other, SIGRTMIN, 99));
  T(kill(other, SIGRTMIN));
  T(kill(other, SIGUSR1));
  T(queue(other, SIGUSR2, 7));
  write(go[1], "g", 1);
  read(ready[0], &c, 1);
  SAY("the other had %d", c);
  struct timespec now = {0};
  siginfo_t info;
  T(sigtimedwait(&all, &info, &now) == SIGRTMIN);
  T(info.si_value.sival_int);
  T(sigtimedwait(&all, &info, &now) == SIGRTMIN);
  T(queue(other, SIGRTMIN, 1));
  T(queue(getpid(), SIGRTMIN, 100));
  T(queue(other, SIGRTMIN, 2));
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
  T(timer_create(CLOCK_MONOTONIC, &event, &timer));
  char line[256];
  FILE *status = fopen("/proc/self/status", "r");
  while (status && fgets(line, sizeof line, status))
    if (!strncmp(line, "SigQ", 4)) printf("%s", line);
  write(go[1], "g", 1);
  read(ready[0], &c, 1);
  SAY("the other had %d", c);
  T(timer_create(CLOCK_MONOTONIC, &event, &timer));
  T(queue(getpid(), SIGRTMIN, 101));
  T(timer_delete(timer));
  T(queue(getpid(), SIGRTMIN, 102));
  write(go[1], "x", 1);
  waitpid(other, 0, 0);
}

static void executing(rlim_t most) {
  int p[2];
  if (pipe(p)) return;
  fflush(stdout);
  pid_t first = fork();
  if (!first) {
    become(64804);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    write(p[1], "", 1);
    pause();
  }
  char c;
  read(p[0], &c, 1);
  limit(RLIMIT_NPROC, most, most);
  become(64804);
  T(fork());
  T(execl("/proc/self/exe", "again", "again", NULL));
  // Who was not over the limit when it became the user is asked no more.
  become(64804);
  T(execl("/proc/self/exe", "again", "again", NULL));
}

static void descriptors(void) {
  struct rlimit l;
  limit(RLIMIT_NOFILE, 20, 30);
  become(64805);
  T(dup2(0, 19));
  T(dup2(0, 20));
  T(dup3(0, 25, O_CLOEXEC));
  T(fcntl(0, F_DUPFD, 20));
  l = (struct rlimit){30, 30};
  T(setrlimit(RLIMIT_NOFILE, &l));
  T(dup2(0, 29));
  l = (struct rlimit){31, 31};
  T(setrlimit(RLIMIT_NOFILE, &l));
  l = (struct rlimit){10, 20};
  T(setrlimit(RLIMIT_NOFILE, &l));
  // What is open stays open.
  T(fcntl(29, F_GETFD));
  T(dup2(0, 28));
  T(dup2(29, 29));
  l = (struct rlimit){20, 21};
  T(setrlimit(RLIMIT_NOFILE, &l));
  // Descriptors that come with a message.
  close_range(3, ~0u, 0);
  int pair[2];
  T(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  char control[CMSG_SPACE(4 * sizeof(int))] = {0}, byte = 0;
  struct iovec v = {&byte, 1};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *head = CMSG_FIRSTHDR(&m);
  *head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(4 * sizeof(int))};
  memcpy(CMSG_DATA(head), (int[]){0, 1, 2, 0}, 4 * sizeof(int));
  T(sendmsg(pair[0], &m, 0));
  l = (struct rlimit){7, 20};
  T(setrlimit(RLIMIT_NOFILE, &l));
  m.msg_controllen = sizeof control;
  T(recvmsg(pair[1], &m, 0));
  SAY("flags %x, control %zu", m.msg_flags, m.msg_controllen);
  T(dup(0));
}

static void show_limits(pid_t pid) {
  char path[64], line[256];
  snprintf(path, sizeof path, "/proc/%d/limits", pid);
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file))
    if (strstr(line, "Limit") || strstr(line, "cpu") || strstr(line, "open files") || strstr(line, "stack") || strstr(line, "nice") || strstr(line, "core")) printf("%s", line);
  if (file) fclose(file);
}

static void others(void) {
  int p[2], end[2];
  if (pipe(p) || pipe(end)) return;
  fflush(stdout);
  limit(RLIMIT_NOFILE, 100, 200);
  limit(RLIMIT_CORE, 0, 4096);
  limit(RLIMIT_STACK, 1 << 20, 2 << 20);
  limit(RLIMIT_CPU, 1000, RLIM_INFINITY);
  limit(RLIMIT_NICE, 0, 0);
  pid_t user = fork();
  if (!user) {
    become(64806);
    write(p[1], "", 1);
    pause();
  }
  pid_t root = fork();
  char c;
  if (!root) {
    close(end[1]);
    write(p[1], "", 1);
    // Until the others are gone.
    read(end[0], &c, 1);
    _exit(0);
  }
  read(p[0], &c, 1);
  read(p[0], &c, 1);
  struct rlimit l = {50, 60}, old;
  T(prlimit(user, RLIMIT_NOFILE, &l, &old) == 0 || errno == EPERM);
  become(64806);
  l = (struct rlimit){40, 45};
  T(prlimit(user, RLIMIT_NOFILE, &l, &old));
  T(prlimit(user, RLIMIT_NOFILE, 0, &old));
  SAY("%ld %ld", (long)old.rlim_cur, (long)old.rlim_max);
  T(prlimit(root, RLIMIT_NOFILE, 0, &old));
  T(prlimit(root, RLIMIT_NOFILE, &l, 0));
  T(prlimit(user, 99, 0, &old));
  T(prlimit(99999999, RLIMIT_NOFILE, 0, &old));
  T(syscall(SYS_prlimit64, 99999999, RLIMIT_NOFILE, 8, 0));
  l = (struct rlimit){46, 45};
  T(prlimit(user, RLIMIT_NOFILE, &l, 0));
  l = (struct rlimit){46, 46};
  T(prlimit(user, RLIMIT_NOFILE, &l, 0));
  show_limits(user);
  kill(user, SIGKILL);
}

int main(int count, char **arguments) {
  (void)arguments;
  if (count > 1) return 77;
  ALONE(niceness());
  ALONE(nicer());
  ALONE(realtime());
  ALONE(pending());
  ALONE(executing(1));
  ALONE(executing(0));
  ALONE(descriptors());
  ALONE(others());
  return done();
}
