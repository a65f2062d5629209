// /sys/devices/system/cpu has a directory for each CPU with what programs read of it, and the numbers agree with each other.
//: cpus 4
#include "../include/t.h"
#include <dirent.h>

#define CPU "/sys/devices/system/cpu"
static char text[4096];

static const char *read_in(const char *format, int cpu, const char *name) {
  char path[200];
  snprintf(path, sizeof path, format, cpu, name);
  int fd = open(path, O_RDONLY);
  if (fd < 0) return 0;
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n <= 0 || text[n - 1] != '\n') return 0;
  text[n - 1] = 0;
  return text;
}

// The sum of a list of ranges, and how many numbers it has.
static int count(const char *list) {
  int n = 0;
  for (const char *at = list; at && *at;) {
    char *end;
    long first = strtol(at, &end, 10), last = first;
    if (*end == '-') last = strtol(end + 1, &end, 10);
    n += last - first + 1;
    at = *end == ',' ? end + 1 : 0;
  }
  return n;
}

static int entries(const char *path, const char *prefix) {
  DIR *dir = opendir(path);
  int n = 0, length = strlen(prefix);
  for (struct dirent *e; dir && (e = readdir(dir));) n += !strncmp(e->d_name, prefix, length) && e->d_name[length] >= '0' && e->d_name[length] <= '9';
  if (dir) closedir(dir);
  return n;
}

static bool is_mask(const char *mask, unsigned long long set) {
  unsigned long long value = 0;
  if (!mask) return false;
  for (; *mask; mask++)
    if (*mask != ',') value = value << 4 | (unsigned)(*mask <= '9' ? *mask - '0' : *mask - 'a' + 10);
  return value == set;
}

int main(void) {
  long cpus = sysconf(_SC_NPROCESSORS_CONF);
  IS(cpus == sysconf(_SC_NPROCESSORS_ONLN));
  const char *lists[] = {"possible", "present", "online"};
  for (int i = 0; i < 3; i++) SAY("%s %s", lists[i], count(read_in(CPU "/%.0d%s", 0, lists[i])) == cpus ? "has all" : "differs");
  IS(read_in(CPU "/%.0d%s", 0, "kernel_max") && atoi(text) >= cpus - 1);
  IS(read_in(CPU "/%.0d%s", 0, "offline") && !*text);
  IS(read_in(CPU "/%.0d%s", 0, "isolated") && !*text);
  IS(entries(CPU, "cpu") == cpus);
  T(open(CPU "/cpu9999", O_RDONLY));
  T(open(CPU "/cpu00", O_RDONLY));
  T(open(CPU "/cpu0/online", O_RDONLY));
  bool good = true;
  for (int cpu = 0; cpu < cpus; cpu++) {
    if (cpu) good &= read_in(CPU "/cpu%d/%s", cpu, "online") && !strcmp(text, "1");
    const char *numbers[] = {"core_id", "physical_package_id", "die_id", "cluster_id"};
    for (int i = 0; i < 4; i++) good &= read_in(CPU "/cpu%d/topology/%s", cpu, numbers[i]) && atoi(text) >= 0;
    const char *siblings[] = {"thread_siblings_list", "core_cpus_list", "core_siblings_list", "package_cpus_list", "die_cpus_list", "cluster_cpus_list"};
    for (int i = 0; i < 6; i++) {
      int n = count(read_in(CPU "/cpu%d/topology/%s", cpu, siblings[i]));
      good &= n >= 1 && n <= cpus;
    }
    read_in(CPU "/cpu%d/topology/%s", cpu, "thread_siblings_list");
    if (!strchr(text, ',') && !strchr(text, '-')) good &= atoi(text) == cpu && is_mask(read_in(CPU "/cpu%d/topology/%s", cpu, "thread_siblings"), 1ull << cpu);
  }
  IS(good);
  IS(entries(CPU "/cpu0/cache", "index") >= 2);
  const char *cache[] = {"level", "type", "size", "coherency_line_size", "number_of_sets", "ways_of_associativity", "physical_line_partition", "shared_cpu_list", "shared_cpu_map", "id"};
  for (int i = 0; i < 10; i++) SAY("cache's %s %s", cache[i], read_in(CPU "/cpu%d/cache/index0/%s", 0, cache[i]) && *text ? "is there" : "is missing");
  long size = read_in(CPU "/cpu%d/cache/index0/%s", 0, "size") ? atol(text) : 0, product = 1;
  const char *factors[] = {"coherency_line_size", "number_of_sets", "ways_of_associativity", "physical_line_partition"};
  for (int i = 0; i < 4; i++) product *= read_in(CPU "/cpu%d/cache/index0/%s", 0, factors[i]) ? atol(text) : 0;
  IS(size > 0 && product == size * 1024);
  IS(count(read_in("/sys/devices/system/node/node%d/%s", 0, "cpulist")) == cpus);
  IS(is_mask(read_in("/sys/devices/system/node/node%d/%s", 0, "cpumap"), ~0ull >> (64 - cpus)));
  IS(read_in("/sys/devices/system/node/node%d/%s", 0, "meminfo") && !strncmp(text, "Node 0 MemTotal: ", 17));
  return done();
}
