// MADV_DONTNEED drops private pages (zero again, or the file again), keeps shared ones, and errors are Linux's.
#include "../include/t.h"

int main(void) {
  int rw = PROT_READ | PROT_WRITE;
  char *p = mmap(0, 4 * 4096, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(p, 5, 4 * 4096);
  T(madvise(p + 4096, 4096, MADV_DONTNEED));
  IS(p[0] == 5 && p[4096] == 0 && p[8191] == 0 && p[8192] == 5);
  put("f", "file");
  int fd = open("f", O_RDWR);
  char *f = mmap(0, 4096, rw, MAP_PRIVATE, fd, 0);
  strcpy(f, "mine");
  T(madvise(f, 4096, MADV_DONTNEED));
  SAY("%s", f);
  char *s = mmap(0, 4096, rw, MAP_SHARED, fd, 0);
  memcpy(s, "ours", 4);
  T(madvise(s, 4096, MADV_DONTNEED));
  SAY("%s", s);
  char *sa = mmap(0, 4096, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  strcpy(sa, "stays");
  T(madvise(sa, 4096, MADV_DONTNEED));
  SAY("%s", sa);
  T(madvise(p, 4096, MADV_NORMAL));
  T(madvise(p, 4096, MADV_RANDOM));
  T(madvise(p, 4096, MADV_SEQUENTIAL));
  T(madvise(p, 4096, MADV_WILLNEED));
  T(madvise(p, 4096, MADV_FREE));
  T(madvise(p, 4096, MADV_DONTFORK));
  T(madvise(p, 4096, MADV_DOFORK));
  T(madvise(p, 4096, MADV_DONTDUMP));
  T(madvise(p + 1, 4096, MADV_NORMAL));
  T(madvise(p, 4096, 9999));
  T(madvise(p, 0, MADV_NORMAL));
  T(madvise(f, 4096, MADV_FREE));
  T(munmap(p + 2 * 4096, 4096));
  T(madvise(p, 4 * 4096, MADV_DONTNEED));
  IS(p[0] == 0 && p[3 * 4096] == 0);
  return done();
}
