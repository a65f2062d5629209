// What processes share that are not threads of one: descriptors, directories and umask, actions, memory; taking it back with unshare, close_range and execve.
#include "../include/t.h"
#include <linux/sched.h>
#include <sched.h>
#include <sys/wait.h>

static char stack[65536] __attribute__((aligned(16)));
static volatile int word;
static char *self;

static int child_chdir(void *a) {
  (void)a;
  mkdir("below", 0700);
  umask(0027);
  return chdir("below") ? 1 : 0;
}

static int child_descriptors(void *a) {
  (void)a;
  dup2(1, 50);
  close(51);
  word = 77;
  return 0;
}

static void handler(int n) { (void)n; word++; }

static int child_action(void *a) {
  (void)a;
  signal(SIGUSR1, handler);
  return 0;
}

static int child_unshares(void *a) {
  (void)a;
  if (unshare(CLONE_FS | CLONE_FILES)) return 1;
  close(50);
  umask(0);
  return chdir("/");
}

static int child_close_range(void *a) {
  (void)a;
  return close_range(3, ~0u, CLOSE_RANGE_UNSHARE) ? 1 : 0;
}

static int child_execs(void *a) {
  (void)a;
  signal(SIGUSR2, handler);
  fcntl(50, F_SETFD, FD_CLOEXEC);
  execl(self, self, "child", NULL);
  return 1;
}

static int run(int (*what)(void *), int flags) {
  int status = -1;
  pid_t child = clone(what, stack + sizeof stack, flags | SIGCHLD, NULL);
  if (child < 0) return -1;
  waitpid(child, &status, 0);
  return status;
}

static mode_t mask(void) {
  mode_t now = umask(0);
  umask(now);
  return now;
}

static const char *here(void) {
  static char text[PATH_MAX];
  char *slash = getcwd(text, sizeof text) ? strrchr(text, '/') : NULL;
  return slash ? slash : "?";
}

static int handles(int signal) {
  struct sigaction now;
  sigaction(signal, NULL, &now);
  return now.sa_handler == handler;
}

static int kernel_clone(unsigned long long flags, unsigned long long signal) {
  struct clone_args args = {.flags = flags, .exit_signal = signal};
  return (int)syscall(SYS_clone3, &args, sizeof args);
}

int main(int argc, char **argv) {
  self = argv[0];
  if (argc > 1) {
    // What execve left: descriptor 50 was to be closed here only, the handler is gone.
    return fcntl(50, F_GETFD) == -1 && !handles(SIGUSR2) ? 0 : 1;
  }
  close_range(3, ~0u, 0);
  umask(0022);

  T(run(child_chdir, CLONE_VM));
  IS(strcmp(here(), "/below") != 0 && mask() == 0022);
  T(run(child_chdir, CLONE_VM | CLONE_FS));
  SAY("%s %03o", here(), mask());
  chdir("..");
  T(rmdir("below"));

  T(dup2(0, 51));
  T(run(child_descriptors, 0));
  SAY("%d %d %d", word, fcntl(50, F_GETFD), fcntl(51, F_GETFD));
  T(run(child_descriptors, CLONE_VM | CLONE_FILES));
  SAY("%d %d %d", word, fcntl(50, F_GETFD), fcntl(51, F_GETFD));

  T(run(child_action, CLONE_VM));
  T(handles(SIGUSR1));
  T(run(child_action, CLONE_VM | CLONE_SIGHAND));
  T(handles(SIGUSR1));

  T(run(child_unshares, CLONE_VM | CLONE_FS | CLONE_FILES));
  IS(fcntl(50, F_GETFD) == 0 && mask() == 0027 && strcmp(here(), "/") != 0);
  T(run(child_close_range, CLONE_VM | CLONE_FILES));
  IS(fcntl(50, F_GETFD) == 0);
  T(run(child_execs, CLONE_FILES));
  // The mark was set in the table that both had.
  T(fcntl(50, F_GETFD));
  T(run(child_execs, CLONE_VM | CLONE_SIGHAND | CLONE_FILES));
  T(handles(SIGUSR2));

  // Handlers that the child does not get.
  signal(SIGTERM, SIG_IGN);
  pid_t child = kernel_clone(CLONE_CLEAR_SIGHAND, SIGCHLD);
  if (child == 0) {
    struct sigaction now;
    sigaction(SIGTERM, NULL, &now);
    _exit(handles(SIGUSR1) ? 1 : now.sa_handler == SIG_IGN ? 0 : 2);
  }
  int status;
  waitpid(child, &status, 0);
  T(status);
  T(kernel_clone(CLONE_CLEAR_SIGHAND | CLONE_SIGHAND | CLONE_VM, SIGCHLD));

  // A sister instead of a child: the parent of both is told.
  int ends[2];
  pipe(ends);
  child = fork();
  if (child == 0) {
    pid_t sister = kernel_clone(CLONE_PARENT, 0);
    if (sister == 0) _exit(5);
    if (write(ends[1], &sister, sizeof sister) != sizeof sister) _exit(1);
    _exit(waitpid(sister, NULL, 0) == -1 && errno == ECHILD ? 0 : 1);
  }
  pid_t sister;
  T(read(ends[0], &sister, sizeof sister));
  waitpid(child, &status, 0);
  T(status);
  IS(waitpid(sister, &status, 0) == sister);
  T(status);
  T(kernel_clone(CLONE_PARENT, SIGCHLD));
  T(kernel_clone(CLONE_DETACHED, SIGCHLD));
  T(kernel_clone(1ull << 40, SIGCHLD));
  T(kernel_clone(0, 65));

  // Numbers can be chosen, by whoever may.
  pid_t wanted = 0;
  struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&wanted, .set_tid_size = 1};
  T(syscall(SYS_clone3, &args, sizeof args));
  args.set_tid_size = 0;
  T(syscall(SYS_clone3, &args, sizeof args));
  args.set_tid_size = 33;
  T(syscall(SYS_clone3, &args, sizeof args));
  args.set_tid = 0;
  args.set_tid_size = 1;
  T(syscall(SYS_clone3, &args, sizeof args));

  T(unshare(0));
  T(unshare(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM));
  T(unshare(CLONE_THREAD));
  T(unshare(CLONE_SIGHAND));
  T(unshare(CLONE_VM));
  T(unshare(0x1));
  return done();
}
