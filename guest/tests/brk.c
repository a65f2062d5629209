// The break grows with zeroed memory, shrinks, comes back zeroed, and does not move on failure.
#include "../include/t.h"

static char *program_break(char *to) { return (char *)syscall(SYS_brk, to); }

int main(void) {
  char *start = program_break(0);
  char *base = (char *)(((uintptr_t)start + 4095) & ~4095ul) + 4096 * 64;
  IS(program_break(base + 8192) == base + 8192);
  IS(base[0] == 0 && base[8191] == 0);
  memset(base, 7, 8192);
  IS(program_break(base + 1) == base + 1);
  IS(base[0] == 7);
  unsigned char vec[1];
  T(mincore(base + 4096, 4096, vec));
  IS(program_break(base + 8192) == base + 8192);
  IS(base[4096] == 0 && base[0] == 7);
  IS(program_break((char *)(1ul << 47)) == base + 8192);
  IS(program_break((char *)16) == base + 8192);
  IS(program_break(base + (1ul << 45)) == base + 8192);
  mmap(base + 4 * 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  IS(program_break(base + 6 * 4096) == base + 8192);
  IS(program_break(base) == base);
  IS(sbrk(0) == base || sbrk(0) == start);
  return done();
}
