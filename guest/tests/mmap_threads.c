// Eight threads map, fault, protect and unmap at once; every page is zero when new and keeps its content.
//: cpus 1 2 4
//: timeout 60
#include "../include/t.h"
#include <pthread.h>

static int bad;

static void *work(void *arg) {
  unsigned seed = (unsigned)(long)arg * 77 + 1;
  for (int i = 0; i < 60; i++) {
    seed = seed * 1103515245 + 12345;
    size_t pages = 1 + (seed >> 16 & 15);
    char *p = mmap(0, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int wrong = p == MAP_FAILED;
    for (size_t k = 0; k < pages && !wrong; k++) wrong |= p[k * 4096] != 0, p[k * 4096] = (char)(k + i);
    wrong |= mprotect(p, 4096, PROT_READ) != 0;
    for (size_t k = 0; k < pages && !wrong; k++) wrong |= p[k * 4096] != (char)(k + i);
    // The middle first; its place may be taken by another thread at once.
    if (pages > 2) wrong |= munmap(p + 4096, 4096) != 0 || munmap(p, 4096) != 0 || munmap(p + 8192, (pages - 2) * 4096) != 0;
    else wrong |= munmap(p, pages * 4096) != 0;
    if (wrong) __atomic_add_fetch(&bad, 1, __ATOMIC_RELAXED);
  }
  return 0;
}

int main(void) {
  pthread_t t[8];
  for (long i = 0; i < 8; i++) pthread_create(&t[i], 0, work, (void *)i);
  for (int i = 0; i < 8; i++) pthread_join(t[i], 0);
  T(bad);
  return done();
}
