// The vdso is an ELF image with the functions that libraries look for, and they work.
#include "../include/t.h"
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

static void *find(const char *name) {
  char *base = (char *)getauxval(AT_SYSINFO_EHDR);
  Elf64_Ehdr *e = (void *)base;
  Elf64_Phdr *p = (void *)(base + e->e_phoff);
  Elf64_Dyn *dynamic = 0;
  unsigned long bias = 0;
  for (int i = 0; i < e->e_phnum; i++) {
    if (p[i].p_type == PT_LOAD) bias = (unsigned long)base + p[i].p_offset - p[i].p_vaddr;
    if (p[i].p_type == PT_DYNAMIC) dynamic = (void *)(base + p[i].p_offset);
  }
  Elf64_Sym *symbols = 0;
  char *strings = 0;
  uint32_t *hash = 0;
  for (; dynamic && dynamic->d_tag; dynamic++) {
    void *at = (void *)(bias + dynamic->d_un.d_ptr);
    if (dynamic->d_tag == DT_SYMTAB) symbols = at;
    if (dynamic->d_tag == DT_STRTAB) strings = at;
    if (dynamic->d_tag == DT_HASH) hash = at;
  }
  if (!symbols || !strings || !hash) return 0;
  for (uint32_t i = 0; i < hash[1]; i++)
    if (symbols[i].st_shndx && strcmp(strings + symbols[i].st_name, name) == 0) return (void *)(bias + symbols[i].st_value);
  return 0;
}

int main(void) {
  int (*gettime)(clockid_t, struct timespec *) = find("__vdso_clock_gettime");
  int (*getday)(void *, void *) = find("__vdso_gettimeofday");
  time_t (*get)(time_t *) = find("__vdso_time");
  long (*cpu)(unsigned *, unsigned *, void *) = find("__vdso_getcpu");
  IS(gettime && getday && get && cpu);
  if (!gettime || !getday || !get || !cpu) return done();
  struct timespec t;
  T(gettime(CLOCK_MONOTONIC, &t));
  IS(t.tv_nsec < 1000000000);
  T(gettime(CLOCK_REALTIME, &t));
  IS(labs(t.tv_sec - time(0)) <= 1);
  T(gettime(CLOCK_PROCESS_CPUTIME_ID, &t));
  T(gettime(1000, &t) == -EINVAL);
  struct timeval v;
  T(getday(&v, 0));
  time_t seconds;
  IS(labs(get(&seconds) - v.tv_sec) <= 1 && labs(seconds - v.tv_sec) <= 1);
  unsigned c = 99, n = 99;
  T(cpu(&c, &n, 0));
  IS(c < 64 && n == 0);
  return done();
}
