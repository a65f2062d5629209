// Descriptors of processes: made with the process, of threads, waited for without blocking, watched by epoll, shown in /proc; files taken from another process.
#include "../include/t.h"
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#define PIDFD_NONBLOCK O_NONBLOCK
#define PIDFD_THREAD O_EXCL

static int opened(pid_t pid, unsigned flags) { return (int)syscall(SYS_pidfd_open, pid, flags); }

static short ready(int fd, int timeout) {
  struct pollfd p = {fd, POLLIN, 0};
  return poll(&p, 1, timeout) == 1 ? p.revents : 0;
}

// The "Pid:" line of a descriptor.
static long shown(int fd) {
  char path[64], line[128];
  long pid = -2;
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  FILE *info = fopen(path, "r");
  while (info && fgets(line, sizeof line, info))
    if (sscanf(line, "Pid:\t%ld", &pid) == 1) break;
  if (info) fclose(info);
  return pid;
}

static int gate[2];

static void wait_at_gate(void) {
  char c;
  close(gate[1]);
  if (read(gate[0], &c, 1) < 0) _exit(9);
}

static void *sleeper(void *out) {
  char c;
  *(pid_t *)out = (pid_t)syscall(SYS_gettid);
  while (read(gate[0], &c, 1) < 0) {}
  return NULL;
}

int main(void) {
  siginfo_t info;
  int fd = -1, other = -1;
  // clone3 with CLONE_PIDFD.
  pipe(gate);
  struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&fd, .exit_signal = SIGCHLD};
  pid_t child = (pid_t)syscall(SYS_clone3, &args, sizeof args);
  if (child == 0) { wait_at_gate(); _exit(7); }
  IS(fd > 2 && fcntl(fd, F_GETFD) == FD_CLOEXEC && shown(fd) == child);
  T(ready(fd, 0));
  // The same as a descriptor that does not block.
  other = opened(child, PIDFD_NONBLOCK);
  T(waitid((idtype_t)3, (id_t)other, &info, WEXITED));
  memset(&info, 1, sizeof info);
  T(waitid((idtype_t)3, (id_t)fd, &info, WEXITED | WNOHANG));
  T(info.si_pid);
  // Epoll sees the end.
  int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = 5};
  T(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
  T(epoll_wait(epoll, &event, 1, 0));
  close(gate[0]);
  close(gate[1]);
  T(epoll_wait(epoll, &event, 1, -1));
  IS(event.events == EPOLLIN && event.data.u32 == 5);
  T(ready(fd, -1));
  IS(shown(fd) == child);
  T(waitid((idtype_t)3, (id_t)other, &info, WEXITED | WNOWAIT));
  IS(info.si_pid == child && info.si_status == 7);
  T(waitid((idtype_t)3, (id_t)fd, &info, WEXITED));
  IS(info.si_pid == child && info.si_status == 7);
  T(waitid((idtype_t)3, (id_t)fd, &info, WEXITED));
  T(ready(fd, 0));
  T(shown(fd));
  T(syscall(SYS_pidfd_send_signal, fd, 0, 0, 0));
  T(syscall(SYS_pidfd_getfd, fd, 0, 0));
  close(fd);
  close(other);
  close(epoll);

  // clone puts the descriptor where the number would go.
  int at = -1;
  child = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &at, 0, 0);
  if (child == 0) _exit(3);
  IS(at > 2 && shown(at) == child);
  T(waitid((idtype_t)3, (id_t)at, &info, WEXITED));
  T(info.si_status);
  close(at);
  T(syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &at, 0, 0));
  T(syscall(SYS_clone, CLONE_PIDFD | CLONE_DETACHED | SIGCHLD, 0, &at, 0, 0));

  // A file of another process.
  pipe(gate);
  int ends[2];
  pipe(ends);
  child = fork();
  if (child == 0) {
    dup2(ends[1], 100);
    close(ends[0]);
    char c = 'r';
    if (write(100, &c, 1) != 1) _exit(1);
    wait_at_gate();
    _exit(0);
  }
  close(ends[1]);
  char c;
  T(read(ends[0], &c, 1));
  fd = opened(child, 0);
  int taken = (int)syscall(SYS_pidfd_getfd, fd, 100, 0);
  IS(taken > 2 && fcntl(taken, F_GETFD) == FD_CLOEXEC);
  T(write(taken, "hello", 5));
  char text[8] = {0};
  T(read(ends[0], text, 5));
  SAY("%s", text);
  T(syscall(SYS_pidfd_getfd, fd, 100, 1));
  T(syscall(SYS_pidfd_getfd, fd, 101, 0));
  T(syscall(SYS_pidfd_getfd, 0, 100, 0));
  close(taken);

  // A signal with information of one's own.
  memset(&info, 0, sizeof info);
  info.si_signo = SIGTERM;
  info.si_code = SI_USER;
  T(syscall(SYS_pidfd_send_signal, fd, SIGTERM, &info, 0));
  info.si_code = SI_QUEUE;
  T(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, &info, 0));
  T(syscall(SYS_pidfd_send_signal, fd, 99, 0, 0));
  T(syscall(SYS_pidfd_send_signal, 0, SIGTERM, 0, 0));
  T(syscall(SYS_pidfd_send_signal, fd, SIGTERM, 0, 8));
  T(syscall(SYS_pidfd_send_signal, fd, SIGTERM, &info, 0));
  T(waitid((idtype_t)3, (id_t)fd, &info, WEXITED));
  IS(info.si_code == CLD_KILLED && info.si_status == SIGTERM);
  close(fd);

  // Reading, writing, mapping: not with these.
  fd = opened(getpid(), 0);
  T(read(fd, text, 1));
  T(write(fd, text, 1));
  T(lseek(fd, 0, SEEK_SET) >= 0 || errno == ESPIPE);
  T(waitid((idtype_t)3, (id_t)fd, &info, WEXITED));
  T(waitid((idtype_t)3, 0, &info, WEXITED));
  T(waitid((idtype_t)3, (id_t)-1, &info, WEXITED));
  T(waitid((idtype_t)3, 99, &info, WEXITED));
  T(opened(0, 0));
  T(opened(-5, 0));
  T(opened(getpid(), PIDFD_THREAD) > 0);

  // A thread's: ready when the thread has ended.
  pthread_t thread;
  volatile pid_t tid = 0;
  pthread_create(&thread, NULL, sleeper, (void *)&tid);
  while (tid == 0) sched_yield();
  OK(opened(tid, 0));
  int own = opened(tid, PIDFD_THREAD);
  IS(own > 0 && shown(own) == tid);
  T(ready(own, 0));
  close(gate[1]);
  IS((ready(own, -1) & POLLIN) != 0);
  pthread_join(thread, NULL);
  return done();
}
