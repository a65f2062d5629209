// A shared file mapping and read/write see each other's changes at once; msync and munmap keep them.
#include "../include/t.h"

int main(void) {
  int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
  T(ftruncate(fd, 10000));
  char *p = mmap(0, 12288, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char *q = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 4096);
  IS(p != MAP_FAILED && q != MAP_FAILED);
  memcpy(p, "from memory", 11);
  strcpy(p + 4096, "second page");
  char back[32] = {0};
  T(pread(fd, back, 11, 0));
  SAY("%s", back);
  SAY("%s", q);
  T(pwrite(fd, "from write", 11, 4096));
  SAY("%s, %s", p + 4096, q);
  T(msync(p, 8192, MS_SYNC));
  T(msync(p, 8192, MS_ASYNC));
  T(msync(p, 8192, MS_SYNC | MS_ASYNC));
  T(msync(p + 1, 4096, MS_SYNC));
  T(munmap(p, 12288));
  T(msync(p, 8192, MS_SYNC));
  T(pread(fd, back, 11, 0));
  SAY("%s", back);
  T(ftruncate(fd, 5000));
  SAY("%s", q);
  char *r = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096);
  T(pwrite(fd, "later", 6, 4096));
  SAY("%s, %s", q, r);
  return done();
}
