// An O_PATH descriptor names a file without opening it: no reading, but fstat, *at calls and reopening through /proc.
#include "../include/t.h"

int main(void) {
  struct stat st;
  put("f", "content");
  T(mkdir("d", 0755));
  put("d/g", "inside");
  T(symlink("f", "l"));
  T(open("f", O_PATH));
  T(read(3, &(char){0}, 1));
  T(write(3, "x", 1));
  T(fchmod(3, 0600));
  T(ftruncate(3, 0));
  T(lseek(3, 0, SEEK_SET));
  T(fstat(3, &st));
  T(st.st_size);
  IS(fcntl(3, F_GETFL) == O_PATH);
  OK(mmap(0, 4096, PROT_READ, MAP_PRIVATE, 3, 0));
  T(open("/proc/self/fd/3", O_RDONLY));
  T(close(4));
  T(close(3));
  T(open("l", O_PATH | O_NOFOLLOW));
  T(fstat(3, &st));
  IS(S_ISLNK(st.st_mode));
  char target[10] = {0};
  T(readlinkat(3, "", target, 9));
  SAY("%s", target);
  T(close(3));
  T(open("d", O_PATH | O_DIRECTORY));
  T(openat(3, "g", O_RDONLY));
  T(close(4));
  char buffer[512];
  T(syscall(SYS_getdents64, 3, buffer, sizeof buffer));
  T(fchdir(3));
  T(access("g", R_OK));
  T(dup(3));
  return done();
}
