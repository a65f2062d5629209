// The C library's allocator under eight threads: arenas grow and shrink through brk, mmap and madvise.
#include "../include/t.h"
#include <malloc.h>
#include <pthread.h>

static int bad;

static void *work(void *arg) {
  unsigned seed = (unsigned)(long)arg + 1;
  char *slots[64] = {0};
  size_t sizes[64] = {0};
  for (int i = 0; i < 5000; i++) {
    seed = seed * 1103515245 + 12345;
    unsigned n = seed >> 16 & 63;
    if (slots[n]) {
      if (slots[n][0] != (char)n || slots[n][sizes[n] - 1] != (char)n) __atomic_add_fetch(&bad, 1, __ATOMIC_RELAXED);
      free(slots[n]);
    }
    sizes[n] = (seed >> 8 & 7) == 0 ? 1 + (seed >> 4 & 0x3ffff) : 1 + (seed >> 4 & 0x3ff);
    slots[n] = malloc(sizes[n]);
    slots[n][0] = slots[n][sizes[n] - 1] = (char)n;
  }
  for (int i = 0; i < 64; i++) free(slots[i]);
  return 0;
}

int main(void) {
  pthread_t t[8];
  for (long i = 0; i < 8; i++) pthread_create(&t[i], 0, work, (void *)i);
  for (int i = 0; i < 8; i++) pthread_join(t[i], 0);
  T(bad);
  malloc_trim(0);
  return done();
}
