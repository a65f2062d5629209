// Each way in which execve fails, with Linux's error.
#include "../include/t.h"
#include <elf.h>

static void elf(const char *path, int type, int machine, int headers, int size) {
  Elf64_Ehdr e = {.e_ident = ELFMAG, .e_type = (uint16_t)type, .e_machine = (uint16_t)machine, .e_phoff = 64,
                  .e_phentsize = 56, .e_phnum = (uint16_t)headers};
  e.e_ident[4] = 2, e.e_ident[5] = 1, e.e_ident[6] = 1;
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
  write(fd, &e, size < 64 ? size : 64);
  if (size > 64) ftruncate(fd, size);
  close(fd);
}

static char *args[] = {"x", 0}, *none[] = {0};
#define RUN(path) T(execve(path, args, none))

int main(void) {
  RUN("none");
  RUN("");
  RUN(".");
  RUN("none/x");
  put("f", "not a program");
  RUN("f");
  RUN("f/x");
  T(chmod("f", 0755));
  RUN("f");
  put("empty", "");
  T(chmod("empty", 0755));
  RUN("empty");
  put("script", "#!none\n");
  T(chmod("script", 0755));
  RUN("script");
  put("script", "#!\n");
  RUN("script");
  put("script", "#!   \n");
  RUN("script");
  put("script", "#!/dev/null\n");
  RUN("script");
  put("script", "#!./f\n");
  RUN("script");
  char path[20], line[30], before[20] = "f";
  for (int i = 0; i < 7; i++) {
    sprintf(path, "nest%d", i);
    sprintf(line, "#!./%s\n", before);
    put(path, line);
    chmod(path, 0755);
    strcpy(before, path);
  }
  RUN("nest3");
  RUN("nest6");
  elf("e", ET_REL, EM_X86_64, 1, 1000), RUN("e");
  elf("e", ET_EXEC, EM_386, 1, 1000), RUN("e");
  elf("e", ET_EXEC, EM_AARCH64, 1, 1000), RUN("e");
  elf("e", ET_EXEC, EM_X86_64, 0, 1000), RUN("e");
  elf("e", ET_EXEC, EM_X86_64, 5, 64), RUN("e");
  elf("e", ET_EXEC, EM_X86_64, 5, 100), RUN("e");
  elf("e", ET_EXEC, EM_X86_64, 5, 4), RUN("e");
  RUN("/dev/null");
  T(execve((void *)8, args, none));
  T(execve("f", (void *)8, none));
  char *bad[] = {(void *)8, 0};
  T(execve("f", bad, none));
  T(execve("f", args, (void *)8));
  char *big = malloc(200000);
  memset(big, 'x', 199999), big[199999] = 0;
  char *long_one[] = {"x", big, 0};
  T(execve("f", long_one, none));
  big[131071] = 0;
  T(execve("f", long_one, none));
  big[100000] = 0;
  char **many = malloc(101 * sizeof *many);
  for (int i = 0; i < 100; i++) many[i] = big;
  many[100] = 0;
  T(execve("f", many, none));
  T(symlink("loop", "loop"));
  RUN("loop");
  int w = open("f", O_WRONLY);
  IS(w >= 0);
  int fd = open("f", O_RDONLY), path_fd = open("f", O_PATH);
  T(syscall(SYS_execveat, fd, "", args, none, 0));
  T(syscall(SYS_execveat, fd, "x", args, none, 0));
  T(syscall(SYS_execveat, 99, "x", args, none, 0));
  T(syscall(SYS_execveat, fd, "x", args, none, 0x10));
  T(close(w));
  T(syscall(SYS_execveat, path_fd, "", args, none, AT_EMPTY_PATH));
  T(symlink("f", "l"));
  T(syscall(SYS_execveat, AT_FDCWD, "l", args, none, AT_SYMLINK_NOFOLLOW));
  return done();
}
