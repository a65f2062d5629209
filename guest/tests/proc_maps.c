// /proc/self/maps lists the program, the heap, the stack, the vdso and mappings in order, with the right permissions.
#include "../include/t.h"

int main(void) {
  put("mapped", "xxxx");
  int fd = open("mapped", O_RDWR);
  char *file = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
  char *anon = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(anon + 4096, 4096, PROT_NONE);
  char *heap = sbrk(8192);
  FILE *f = fopen("/proc/self/maps", "r");
  unsigned long low, high, offset, inode, last = 0;
  char permissions[8], device[16], name[4096], line[5000];
  bool sorted = true, program = false, in_heap = false, stack = false, vdso = false, mapped = false, guard = false;
  while (fgets(line, sizeof line, f)) {
    name[0] = 0;
    int n = sscanf(line, "%lx-%lx %4s %lx %15s %lu %4095s", &low, &high, permissions, &offset, device, &inode, name);
    if (n < 6) { SAY("strange line %s", line); continue; }
    sorted &= low >= last && low < high;
    last = high;
#define HERE(p) (low <= (unsigned long)(p) && (unsigned long)(p) < high)
    if (HERE(main)) program = strcmp(permissions, "r-xp") == 0 && strstr(name, "/proc_maps") && inode;
    if (HERE(heap)) in_heap = strcmp(permissions, "rw-p") == 0 && strcmp(name, "[heap]") == 0;
    if (HERE(&f)) stack = strcmp(permissions, "rw-p") == 0 && strcmp(name, "[stack]") == 0;
    if (strcmp(name, "[vdso]") == 0) vdso = strcmp(permissions, "r-xp") == 0;
    if (HERE(file)) mapped = strcmp(permissions, "r--s") == 0 && strstr(name, "/mapped") && high - low == 4096;
    if (HERE(anon + 4096)) guard = strcmp(permissions, "---p") == 0 && name[0] == 0 && high - low == 4096;
  }
  IS(sorted);
  IS(program);
  IS(in_heap);
  IS(stack);
  IS(vdso);
  IS(mapped);
  IS(guard);
  return done();
}
