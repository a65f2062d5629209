// Processes that would wait for each other's locks on ranges are told so, and only they.
#include "../include/t.h"
#include <sys/wait.h>

static int file, gate[2], ready[2];

static int lock(int command, int kind, int start) {
  struct flock l = {.l_type = (short)kind, .l_whence = SEEK_SET, .l_start = start, .l_len = 1};
  return fcntl(file, command, &l);
}

// A child that has one byte and then wants another.
static pid_t taker(int has, int wants) {
  pid_t child = fork();
  if (child == 0) {
    char c = 'r';
    if (lock(F_SETLK, F_WRLCK, has) || write(ready[1], &c, 1) != 1 || read(gate[0], &c, 1) != 1) _exit(9);
    int got = lock(F_SETLKW, F_WRLCK, wants);
    _exit(got == 0 ? 0 : errno == EDEADLK ? 1 : 2);
  }
  char c;
  if (read(ready[0], &c, 1) != 1) exit(9);
  return child;
}

static void go(void) {
  if (write(gate[1], "x", 1) != 1) exit(9);
}

static int round_of(int count) {
  int refused = 0, got = 0, status;
  for (int i = 0; i < count; i++) taker(i, (i + 1) % count);
  for (int i = 0; i < count; i++) go();
  for (int i = 0; i < count; i++) {
    wait(&status);
    refused += WEXITSTATUS(status) == 1;
    got += WEXITSTATUS(status) == 0;
  }
  printf("%d: refused %d got %d\n", count, refused, got);
  return refused;
}

int main(void) {
  file = open("file", O_RDWR | O_CREAT, 0600);
  pipe(gate);
  pipe(ready);
  round_of(2);
  round_of(3);
  round_of(5);
  // Waiting in a line is no circle.
  T(lock(F_SETLK, F_WRLCK, 100));
  pid_t one = taker(101, 100), two = taker(102, 101);
  go();
  go();
  usleep(20000);
  T(waitpid(-1, NULL, WNOHANG));
  T(lock(F_SETLK, F_UNLCK, 100));
  int status;
  waitpid(one, &status, 0);
  T(status);
  waitpid(two, &status, 0);
  T(status);
  // A process does not wait for itself.
  T(lock(F_SETLK, F_RDLCK, 5));
  T(lock(F_SETLKW, F_WRLCK, 5));
  return done();
}
