// fork copies the process: memory apart, descriptors shared, one return each; exit codes come back.
#include "../include/t.h"
#include <sys/wait.h>

int main(void) {
  int value = 1, status;
  char *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int fd = open("f", O_RDWR | O_CREAT, 0644);
  pid_t parent = getpid(), child = fork();
  if (child == 0) {
    value = 2;
    shared[0] = 7;
    IS(getpid() != parent && getppid() == parent);
    write(fd, "child", 5);
    exit(33);
  }
  IS(waitpid(child, &status, 0) == child);
  IS(child > 0);
  IS(WIFEXITED(status));
  T(WEXITSTATUS(status));
  T(value);
  T(shared[0]);
  T(lseek(fd, 0, SEEK_CUR));
  T(waitpid(-1, &status, 0));
  return done();
}
