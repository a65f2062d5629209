// The forms of waiting: by id, group, without hanging, without reaping, for stopped and continued ones.
#include "../include/t.h"
#include <sys/resource.h>
#include <sys/wait.h>

int main(void) {
  int status;
  siginfo_t info;
  int gate[2];
  pipe(gate);
  pid_t a = fork();
  if (a == 0) {
    char c;
    _exit(read(gate[0], &c, 1) == 1 ? 5 : 6);
  }
  T(waitpid(a, &status, WNOHANG));
  write(gate[1], "x", 1);
  T(waitid(P_PID, a, &info, WEXITED | WNOWAIT));
  IS(info.si_pid == a && info.si_code == CLD_EXITED);
  T(info.si_status);
  struct rusage usage;
  IS(wait4(a, &status, 0, &usage) == a);
  T(WEXITSTATUS(status));
  T(waitpid(a, &status, 0));
  pid_t b = fork();
  if (b == 0) for (;;) pause();
  T(kill(b, SIGSTOP));
  IS(waitpid(b, &status, WUNTRACED) == b && WIFSTOPPED(status));
  T(WSTOPSIG(status));
  T(kill(b, SIGCONT));
  IS(waitpid(b, &status, WCONTINUED) == b && WIFCONTINUED(status));
  T(kill(b, SIGTERM));
  IS(waitpid(b, &status, 0) == b && WIFSIGNALED(status));
  T(WTERMSIG(status));
  T(waitpid(-1, &status, WNOHANG));
  T(waitpid(-1, &status, 0x10000));
  T(waitid(P_ALL, 0, &info, 0));
  T(waitid(77, 0, &info, WEXITED));
  pid_t c = fork();
  if (c == 0) { setpgid(0, 0); _exit(9); }
  setpgid(c, c);
  IS(waitpid(-c, &status, 0) == c);
  return done();
}
