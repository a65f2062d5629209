// The system-wide files of /proc that programs parse have the expected form.
#include "../include/t.h"

static char b[1 << 20];

static bool slurp(const char *path) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) { SAY("%s: %s", path, t_error(errno)); b[0] = 0; return false; }
  size_t len = 0;
  ssize_t n;
  while ((n = read(fd, b + len, sizeof b - 1 - len)) > 0) len += n;
  close(fd);
  b[len] = 0;
  return true;
}

int main(void) {
  unsigned long long total, free_, available;
  double up, idle, l[3];
  int running, all, last;
  slurp("/proc/meminfo");
  IS(sscanf(b, "MemTotal: %llu kB MemFree: %llu kB MemAvailable: %llu kB", &total, &free_, &available) == 3);
  IS(total > 1000 && free_ <= total && available <= total);
  IS(strstr(b, "\nBuffers:") && strstr(b, "\nCached:") && strstr(b, "\nSwapTotal:"));
  slurp("/proc/cpuinfo");
  IS(strstr(b, "processor\t: 0") && strstr(b, "flags\t\t:") && strstr(b, "model name\t:"));
  slurp("/proc/stat");
  IS(strncmp(b, "cpu  ", 5) == 0 && strstr(b, "\ncpu0 ") && strstr(b, "\nbtime "));
  slurp("/proc/uptime");
  IS(sscanf(b, "%lf %lf", &up, &idle) == 2 && up >= 0);
  slurp("/proc/loadavg");
  IS(sscanf(b, "%lf %lf %lf %d/%d %d", l, l + 1, l + 2, &running, &all, &last) == 6);
  slurp("/proc/version");
  IS(strncmp(b, "Linux version ", 14) == 0);
  slurp("/proc/filesystems");
  IS(strstr(b, "nodev\tproc\n") && strstr(b, "nodev\ttmpfs\n"));
  const char *numbers[] = {"kernel/pid_max", "kernel/threads-max", "vm/overcommit_memory", "fs/file-max", "kernel/cap_last_cap", "vm/max_map_count"};
  for (int i = 0; i < 6; i++) {
    char path[60];
    sprintf(path, "/proc/sys/%s", numbers[i]);
    long long value = -1;
    SAY("%s %s", numbers[i], slurp(path) && sscanf(b, "%lld", &value) == 1 && value >= 0 ? "is a number" : "is not a number");
  }
  slurp("/proc/sys/kernel/ostype");
  printf("%s", b);
  IS(slurp("/proc/sys/kernel/osrelease") && b[0] == '6');
  IS(slurp("/proc/sys/kernel/random/uuid") && strlen(b) == 37 && b[8] == '-');
  IS(slurp("/proc/sys/kernel/random/boot_id") && strlen(b) == 37);
  IS(slurp("/proc/diskstats"));
  T(open("/proc/none", O_RDONLY));
  T(open("/proc/999999", O_RDONLY));
  T(open("/proc/meminfo", O_RDONLY | O_DIRECTORY));
  return done();
}
