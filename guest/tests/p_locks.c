// Record locks and flock between processes: conflict, waiting, release at the end of the process.
#include "../include/t.h"
#include <sys/file.h>
#include <sys/wait.h>

static long lock(int fd, int command, int type, long start, long len) {
  struct flock l = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
  return fcntl(fd, command, &l);
}

int main(void) {
  int p[2], q[2], status, fd = open("f", O_RDWR | O_CREAT, 0644);
  char c;
  pipe(p), pipe(q);
  pid_t child = fork();
  if (child == 0) {
    lock(fd, F_SETLK, F_WRLCK, 10, 10);
    write(p[1], "r", 1);
    read(q[0], &c, 1);
    _exit(0);
  }
  read(p[0], &c, 1);
  T(lock(fd, F_SETLK, F_WRLCK, 0, 10));
  T(lock(fd, F_SETLK, F_RDLCK, 15, 1));
  struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 100};
  T(fcntl(fd, F_GETLK, &l));
  IS(l.l_pid == child);
  SAY("%ld %ld", (long)l.l_start, (long)l.l_len);
  pid_t waiter = fork();
  if (waiter == 0) _exit(lock(fd, F_SETLKW, F_WRLCK, 10, 5) == 0 ? 21 : 22);
  usleep(30000);
  T(waitpid(waiter, &status, WNOHANG));
  write(q[1], "g", 1);
  waitpid(waiter, &status, 0);
  T(WEXITSTATUS(status));
  waitpid(child, &status, 0);
  T(lock(fd, F_SETLK, F_WRLCK, 10, 10));
  int other = open("f", O_RDWR);
  T(close(other));
  child = fork();
  if (child == 0) _exit(lock(fd, F_SETLK, F_WRLCK, 10, 10) == 0 ? 31 : 32);
  waitpid(child, &status, 0);
  T(WEXITSTATUS(status));
  return done();
}
