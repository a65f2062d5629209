// What programs read about themselves in /proc/self.
//: args one "two three"
//: env T_MARK=marked
#include "../include/t.h"
#include <elf.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

static size_t slurp(const char *path, char *b, size_t size) {
  int fd = open(path, O_RDONLY);
  size_t len = 0;
  ssize_t n;
  if (fd < 0) { SAY("%s: %s", path, t_error(errno)); return 0; }
  while ((n = read(fd, b + len, size - 1 - len)) > 0) len += n;
  close(fd);
  b[len] = 0;
  return len;
}

static void status_field(const char *text, const char *name) {
  const char *at = strstr(text, name);
  if (!at) { SAY("%s missing", name); return; }
  SAY("%.*s", (int)strcspn(at, "\n"), at);
}

int main(int argc, char **argv) {
  static char b[65536], link[4096];
  (void)argc;
  ssize_t n = readlink("/proc/self/exe", link, sizeof link - 1);
  IS(n > 0 && link[0] == '/' && strcmp(strrchr(link, '/'), "/proc_self") == 0);
  size_t len = slurp("/proc/self/cmdline", b, sizeof b);
  IS(len > 0 && strcmp(b, argv[0]) == 0);
  for (char *s = b + strlen(b) + 1; s < b + len; s += strlen(s) + 1) SAY("argument %s", s);
  len = slurp("/proc/self/environ", b, sizeof b);
  bool found = false;
  for (char *s = b; s < b + len; s += strlen(s) + 1) found |= strcmp(s, "T_MARK=marked") == 0;
  IS(found);
  slurp("/proc/self/comm", b, sizeof b);
  printf("%s", b);
  slurp("/proc/self/status", b, sizeof b);
  status_field(b, "Name:");
  status_field(b, "State:");
  status_field(b, "TracerPid:");
  status_field(b, "Threads:");
  status_field(b, "Uid:");
  IS(strstr(b, "\nVmRSS:") && strstr(b, "\nVmSize:") && strstr(b, "\nPid:") && strstr(b, "\nUmask:"));
  slurp("/proc/self/stat", b, sizeof b);
  int pid, fields = 0;
  IS(sscanf(b, "%d (", &pid) == 1 && pid == getpid());
  char *after = strrchr(b, ')');
  SAY("%.*s %c", (int)(after + 1 - strchr(b, '(')), strchr(b, '('), after[2]);
  for (char *s = strtok(after + 2, " \n"); s; s = strtok(0, " \n")) fields++;
  T(fields);
  len = slurp("/proc/self/auxv", b, sizeof b);
  IS(len % 16 == 0 && len > 160);
  unsigned long page = 0, last = 1;
  for (Elf64_auxv_t *a = (void *)b; (char *)a < b + len; a++) {
    if (a->a_type == AT_PAGESZ) page = a->a_un.a_val;
    last = a->a_type;
  }
  T(page);
  T(last);
  slurp("/proc/self/limits", b, sizeof b);
  SAY("%.*s", (int)strcspn(b, "\n"), b);
  IS(strstr(b, "Max open files") && strstr(b, "Max stack size"));
  slurp("/proc/self/mounts", b, sizeof b);
  IS(strstr(b, " / ") && strstr(b, " /proc proc "));
  slurp("/proc/self/statm", b, sizeof b);
  int numbers[7];
  T(sscanf(b, "%d %d %d %d %d %d %d", numbers, numbers + 1, numbers + 2, numbers + 3, numbers + 4, numbers + 5, numbers + 6));
  IS(numbers[0] > 0 && numbers[1] > 0);
  IS(readlink("/proc/self/cwd", link, sizeof link) > 0);
  IS(readlink("/proc/self/root", link, sizeof link) == 1 && link[0] == '/');
  char me[30];
  sprintf(me, "/proc/%d/exe", getpid());
  IS(readlink(me, link, sizeof link) > 0);
  sprintf(me, "%d", getpid());
  n = readlink("/proc/self", link, sizeof link - 1);
  IS(n > 0 && (link[n] = 0, strcmp(link, me) == 0));
  n = readlink("/proc/thread-self", link, sizeof link - 1);
  IS(n > 0 && (link[n] = 0, strstr(link, "/task/")));
  return done();
}
