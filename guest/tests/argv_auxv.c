// The initial stack: arguments, environment and the auxiliary vector as Linux lays them out.
//: args alpha "beta gamma" ""
//: env T_ONE=1
//: env T_EMPTY=
#include "../include/t.h"
#include <elf.h>
#include <sys/auxv.h>

extern char **environ;
extern const char _start[], __ehdr_start[];

int main(int argc, char **argv, char **envp) {
  T(argc);
  for (int i = 1; i < argc; i++) SAY("[%s]", argv[i]);
  IS(argv[argc] == 0);
  IS(envp == argv + argc + 1 && envp == environ);
  SAY("%s %s", getenv("T_ONE"), getenv("T_EMPTY"));
  char **end = envp;
  while (*end) end++;
  Elf64_auxv_t *aux = (void *)(end + 1);
  for (Elf64_auxv_t *a = aux; a->a_type != AT_NULL; a++) {
    unsigned long v = a->a_un.a_val;
    switch (a->a_type) {
      case AT_PAGESZ: T(v); break;
      case AT_CLKTCK: T(v); break;
      case AT_PHENT: T(v); break;
      case AT_FLAGS: T(v); break;
      case AT_SECURE: T(v); break;
      case AT_BASE: T(v); break;
      case AT_PHDR: IS(v == (unsigned long)__ehdr_start + ((Elf64_Ehdr *)__ehdr_start)->e_phoff); break;
      case AT_PHNUM: IS(v == ((Elf64_Ehdr *)__ehdr_start)->e_phnum); break;
      case AT_ENTRY: IS(v == (unsigned long)_start); break;
      case AT_UID: IS(v == getuid()); break;
      case AT_EUID: IS(v == geteuid()); break;
      case AT_GID: IS(v == getgid()); break;
      case AT_EGID: IS(v == getegid()); break;
      case AT_PLATFORM: SAY("%s", (char *)v); break;
      case AT_EXECFN: IS(strcmp(strrchr((char *)v, '/'), "/argv_auxv") == 0); break;
      case AT_SYSINFO_EHDR: IS(memcmp((void *)v, ELFMAG, 4) == 0 && v % 4096 == 0); break;
      case AT_RANDOM: {
        unsigned char *r = (void *)v;
        int zero = 0;
        for (int i = 0; i < 16; i++) zero += r[i] == 0;
        IS(zero < 5);
        break;
      }
    }
  }
  IS(getauxval(AT_RANDOM) && getauxval(AT_HWCAP) && getauxval(AT_SYSINFO_EHDR) && getauxval(AT_EXECFN));
  IS(((unsigned long)argv - 8) % 16 == 0);
  return done();
}
