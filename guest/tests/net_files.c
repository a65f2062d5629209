// Files below /proc/net that scripts and monitors read besides the lists of sockets, and /proc/vmstat.
#include "../include/inet.h"

static char text[1 << 20];

static const char *slurp(const char *path) {
  int fd = open(path, O_RDONLY);
  size_t len = 0;
  ssize_t n;
  while (fd >= 0 && (n = read(fd, text + len, sizeof text - 1 - len)) > 0) len += n;
  text[len] = 0;
  close(fd);
  return text;
}

// The leaves of loopback below one of the two tables, as scripts find a machine's addresses.
static void leaves(const char *table) {
  char address[64] = "", line[256];
  bool on = false;
  FILE *in = fopen("/proc/net/fib_trie", "r");
  while (in && fgets(line, sizeof line, in)) {
    if (line[0] != ' ') on = !strncmp(line, table, strlen(table));
    sscanf(line, " |-- %63s", address);
    int bits;
    char scope[32], kind[32];
    if (on && sscanf(line, " /%d %31s %31s", &bits, scope, kind) == 3 && !strncmp(address, "127.", 4))
      SAY("%s %s/%d %s %s", table, address, bits, scope, kind);
  }
  if (in) fclose(in);
}

static void lite(int family, const char *path) {
  int s = socket(family, SOCK_DGRAM, IPPROTO_UDPLITE);
  struct sockaddr_in6 own = {.sin6_family = family, .sin6_port = htons(40136)};
  if (bind(s, (void *)&own, family == AF_INET ? sizeof(struct sockaddr_in) : sizeof own) < 0) SAY("%s: %s", path, t_error(errno));
  char line[512], ends[512];
  FILE *in = fopen(path, "r");
  while (in && fgets(line, sizeof line, in))
    if (sscanf(line, " sl %511s", ends) == 1 || (sscanf(line, " %*d: %511s", ends) == 1 && strstr(ends, ":9CC8"))) SAY("%s: %s, %zu bytes", path, ends, family == AF_INET ? strlen(line) : 0);
  if (in) fclose(in);
  close(s);
}

// The value of a line of /proc/vmstat.
static long long count(const char *name) {
  char line[128], found[64];
  long long value;
  FILE *in = fopen("/proc/vmstat", "r");
  while (in && fgets(line, sizeof line, in))
    if (sscanf(line, "%63s %lld", found, &value) == 2 && !strcmp(found, name)) return fclose(in), value;
  if (in) fclose(in);
  return -1;
}

int main(void) {
  leaves("Main:");
  leaves("Local:");
  lite(AF_INET, "/proc/net/udplite");
  lite(AF_INET6, "/proc/net/udplite6");
  IS(!strncmp(slurp("/proc/net/psched"), "000003e8 00000040 000f4240 ", 27) && strlen(text) == 36);
  slurp("/proc/net/ptype");
  IS(!strncmp(text, "Type Device      Function\n", 26) && strstr(text, "\n0800          ip_rcv\n") && strstr(text, "\n86dd          ipv6_rcv\n"));
  IS(!strncmp(slurp("/proc/net/ip6_flowlabel"), "Label S Owner  Users  Linger Expires  Dst                              Opt\n", 75));

  // A line of words of 8 digits for each CPU.
  int cpus = 0, words = 0, wrong = 0;
  slurp("/proc/net/softnet_stat");
  for (char *rest, *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest), cpus++) {
    char *in_line;
    words = 0;
    for (char *word = strtok_r(line, " ", &in_line); word; word = strtok_r(NULL, " ", &in_line), words++)
      wrong += strlen(word) != 8 || strspn(word, "0123456789abcdef") != 8;
  }
  IS(cpus == sysconf(_SC_NPROCESSORS_ONLN) && words >= 13 && !wrong);

  const char *names[] = {"nr_free_pages", "nr_anon_pages", "nr_file_pages", "nr_dirty", "nr_kernel_stack", "pgpgin", "pgpgout", "pswpin", "pswpout", "pgmajfault", "oom_kill"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) SAY("%s %s", names[i], count(names[i]) >= 0 ? "is a number" : "is not there");
  long long before = count("pgfault");
  char *fresh = mmap(NULL, 64 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(fresh, 64 << 12, MADV_NOHUGEPAGE);
  for (int page = 0; page < 64; page++) fresh[page << 12] = 1;
  IS(before > 0 && count("pgfault") > before);
  return done();
}
