// Mapping, touching and unmapping 1 MiB a thousand times, and 8,000 single mappings at once, neither leak nor slow down.
#include "../include/t.h"

int main(void) {
  int rw = PROT_READ | PROT_WRITE, anon = MAP_PRIVATE | MAP_ANONYMOUS;
  int bad = 0;
  for (int i = 0; i < 1000; i++) {
    char *p = mmap(0, 1 << 20, rw, anon, -1, 0);
    for (int page = 0; page < 256; page += 16) {
      bad += p[page * 4096] != 0;
      p[page * 4096] = 1;
    }
    bad += munmap(p, 1 << 20) != 0;
  }
  IS(bad == 0);
  static char *single[8000];
  for (int i = 0; i < 8000; i++) {
    // Alternating protection keeps neighbours from merging.
    single[i] = mmap(0, 4096, i % 2 ? rw : PROT_READ, anon, -1, 0);
    bad += single[i] == MAP_FAILED;
    if (i % 2) single[i][0] = (char)i;
  }
  for (int i = 1; i < 8000; i += 2) bad += single[i][0] != (char)i;
  for (int i = 0; i < 8000; i += 2) bad += munmap(single[i], 4096) != 0;
  for (int i = 1; i < 8000; i += 2) bad += single[i][0] != (char)i;
  for (int i = 1; i < 8000; i += 2) bad += munmap(single[i], 4096) != 0;
  IS(bad == 0);
  return done();
}
