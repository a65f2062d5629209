// mremap grows and shrinks in place, moves, keeps the content, and refuses like Linux.
#include "../include/t.h"

int main(void) {
  int rw = PROT_READ | PROT_WRITE, anon = MAP_PRIVATE | MAP_ANONYMOUS;
  char *area = mmap(0, 16 * 4096, PROT_NONE, anon, -1, 0);
  char *p = mmap(area, 4 * 4096, rw, anon | MAP_FIXED, -1, 0);
  for (int i = 0; i < 4; i++) p[i * 4096] = 'a' + i;
  IS(mremap(p, 4 * 4096, 2 * 4096, 0) == p);
  unsigned char vec[1];
  T(mincore(p + 2 * 4096, 4096, vec));
  IS(mremap(p, 2 * 4096, 3 * 4096, 0) == p);
  IS(p[0] == 'a' && p[4096] == 'b' && p[2 * 4096] == 0);
  OK(mremap(p, 3 * 4096, 8 * 4096, 0));
  char *q = mremap(p, 3 * 4096, 8 * 4096, MREMAP_MAYMOVE);
  IS(q != MAP_FAILED && q != p);
  IS(q[0] == 'a' && q[4096] == 'b' && q[7 * 4096] == 0);
  T(mincore(p, 4096, vec));
  char *r = mremap(q, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, area + 12 * 4096);
  IS(r == area + 12 * 4096 && r[0] == 'a');
  T(mincore(q, 4096, vec));
  IS(q[4096] == 'b');
  OK(mremap(q + 4096, 4096, 4096, MREMAP_FIXED, area));
  OK(mremap(q + 4097, 4096, 8192, MREMAP_MAYMOVE));
  OK(mremap(q + 4096, 4096, 0, MREMAP_MAYMOVE));
  OK(mremap(q, 4096, 8192, MREMAP_MAYMOVE));
  OK(mremap(q + 4096, 4 * 4096, 4 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, q + 2 * 4096));
  OK(mremap(q + 4096, 4096, 4096, 0x100));
  OK(mremap(q + 4096, 20 * 4096, 24 * 4096, MREMAP_MAYMOVE));
  char *d = mremap(q + 4096, 4096, 4096, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
  IS(d != MAP_FAILED && d[0] == 'b' && q[4096] == 0);
  return done();
}
