// mmap and munmap refuse what Linux refuses, with the same error.
#include "../include/t.h"

int main(void) {
  int rw = PROT_READ | PROT_WRITE, anon = MAP_PRIVATE | MAP_ANONYMOUS;
  put("f", "content");
  int ro = open("f", O_RDONLY), wo = open("f", O_WRONLY), dir = open(".", O_RDONLY);
  OK(mmap(0, 0, rw, anon, -1, 0));
  OK(mmap(0, 4096, rw, MAP_ANONYMOUS, -1, 0));
  OK(mmap(0, 4096, rw, MAP_PRIVATE, -1, 0));
  OK(mmap(0, 4096, rw, MAP_PRIVATE, 99, 0));
  OK(mmap(0, 4096, PROT_READ, MAP_PRIVATE, ro, 1));
  OK(mmap(0, 4096, PROT_READ, MAP_PRIVATE, ro, 4095));
  OK(mmap(0, 4096, PROT_READ, MAP_PRIVATE, wo, 0));
  OK(mmap(0, 4096, rw, MAP_SHARED, ro, 0));
  OK(mmap(0, 4096, rw, MAP_SHARED, wo, 0));
  OK(mmap(0, 4096, rw, MAP_PRIVATE, ro, 0));
  OK(mmap(0, 4096, PROT_READ, MAP_PRIVATE, dir, 0));
  OK(mmap((void *)4097, 4096, rw, anon | MAP_FIXED, -1, 0));
  OK(mmap((void *)0x7ffffffff000, 4096, rw, anon | MAP_FIXED, -1, 0));
  OK(mmap((void *)0xffff800000000000, 4096, rw, anon | MAP_FIXED, -1, 0));
  OK(mmap(0, 1ul << 47, rw, anon, -1, 0));
  OK(mmap(0, ~0ul, rw, anon, -1, 0));
  OK(mmap(0, 4096, PROT_READ, MAP_PRIVATE, ro, 0x7ffffffffffff000));
  T(munmap((void *)4097, 4096));
  T(munmap((void *)4096, 0));
  T(munmap((void *)0x7ffffffff000, 8192));
  T(munmap((void *)0x10000, 4096));
  T(munmap((void *)0xffffffffffff0000, 4096));
  return done();
}
