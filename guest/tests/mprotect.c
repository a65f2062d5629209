// mprotect splits mappings, is all or nothing per page run, and refuses holes and unaligned addresses.
#include "../include/t.h"
#include <setjmp.h>

static int maps_count(const char *low, const char *high) {
  FILE *f = fopen("/proc/self/maps", "r");
  char line[512];
  int n = 0;
  unsigned long a, b;
  while (fgets(line, sizeof line, f))
    if (sscanf(line, "%lx-%lx", &a, &b) == 2 && a < (unsigned long)high && b > (unsigned long)low) n++;
  fclose(f);
  return n;
}

// Whether the kernel may write there: read into it.
static long writable(char *p) {
  int fd = open("/dev/zero", O_RDONLY);
  long r = read(fd, p, 1);
  int e = errno;
  close(fd);
  errno = e;
  return r;
}

int main(void) {
  int rw = PROT_READ | PROT_WRITE;
  char *p = mmap(0, 8 * 4096, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  // Pages of other kinds on both sides, so that neighbours do not merge.
  memset(p, 1, 8 * 4096);
  T(mprotect(p, 4096, PROT_NONE));
  T(mprotect(p + 7 * 4096, 4096, PROT_NONE));
  char *low = p + 4096, *high = p + 7 * 4096;
  T(maps_count(low, high));
  T(mprotect(p + 3 * 4096, 4096, PROT_READ));
  T(maps_count(low, high));
  T(writable(p + 3 * 4096));
  T(writable(p + 4 * 4096));
  IS(p[3 * 4096] == 1);
  T(mprotect(p + 3 * 4096, 4096, rw));
  T(maps_count(low, high));
  T(writable(p + 3 * 4096));
  T(mprotect(p + 1, 4096, rw));
  T(mprotect(p, 0, rw));
  T(mprotect(p + 4096, 4096, 0x1000));
  T(munmap(p + 5 * 4096, 4096));
  T(mprotect(p + 4 * 4096, 3 * 4096, PROT_READ));
  T(writable(p + 4 * 4096));
  T(writable(p + 6 * 4096));
  T(mprotect((void *)0x7ffffffff000, 4096, rw));
  int fd = open("/proc/self/exe", O_RDONLY);
  char *f = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
  T(mprotect(f, 4096, rw));
  char *g = mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
  T(mprotect(g, 4096, rw));
  T(writable(g));
  return done();
}
