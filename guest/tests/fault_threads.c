// Threads that touch the same new pages at the same time see one page each, not several.
//: cpus 4
//: timeout 60
#include "../include/t.h"
#include <pthread.h>

static long *area;
static pthread_barrier_t b;

static void *work(void *unused) {
  for (int round = 0; round < 20; round++) {
    pthread_barrier_wait(&b);
    for (int page = 0; page < 256; page++) __atomic_add_fetch(&area[page * 512 + round], 1, __ATOMIC_RELAXED);
    pthread_barrier_wait(&b);
    if (round % 5 == 4) {
      if (pthread_barrier_wait(&b) == PTHREAD_BARRIER_SERIAL_THREAD && round < 15) madvise(area, 256 * 4096, MADV_DONTNEED);
      pthread_barrier_wait(&b);
    }
  }
  return unused;
}

int main(void) {
  pthread_t t[4];
  area = mmap(0, 256 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(area, 256 * 4096, MADV_NOHUGEPAGE);
  pthread_barrier_init(&b, 0, 4);
  for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, work, 0);
  for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
  int bad = 0;
  for (int page = 0; page < 256; page++)
    for (int round = 0; round < 20; round++) bad += area[page * 512 + round] != (round >= 15 ? 4 : 0);
  T(bad);
  return done();
}
