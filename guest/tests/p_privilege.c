// What a process may: capabilities and user numbers, the set-user bit, no_new_privs, ambient capabilities, securebits; what execve makes of them.
//: root
#include "../include/t.h"
#include <linux/capability.h>
#include <linux/securebits.h>
#include <grp.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static char *self;

static uint64_t set(int which) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data)) return 0;
  uint32_t low[] = {data[0].effective, data[0].permitted, data[0].inheritable};
  uint32_t high[] = {data[1].effective, data[1].permitted, data[1].inheritable};
  return low[which] | (uint64_t)high[which] << 32;
}

static int give(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {
    {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
    {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)}};
  return (int)syscall(SYS_capset, &header, data);
}

#define ONE(cap) (1ull << (cap))

static const char *some(uint64_t bits) {
  static char text[4][40];
  static int next;
  char *out = text[next++ & 3];
  if (bits == 0) return "none";
  if (bits >> 40) return "all";
  snprintf(out, 40, "%llx", (unsigned long long)bits);
  return out;
}

static void tell(const char *what) {
  uid_t r, e, s;
  gid_t gr, ge, gs;
  getresuid(&r, &e, &s);
  getresgid(&gr, &ge, &gs);
  printf("%s: users %d %d %d groups %d %d %d effective %s permitted %s inheritable %s", what, r, e, s, gr, ge, gs, some(set(0)), some(set(1)), some(set(2)));
  printf(" dumpable %d keep %d\n", prctl(PR_GET_DUMPABLE), prctl(PR_GET_KEEPCAPS));
  fflush(stdout);
}

static void run(const char *path, const char *what) {
  char *arguments[] = {(char *)path, (char *)what, NULL};
  execv(path, arguments);
  printf("%s: %s\n", path, t_error(errno));
}

// Does something in a child.
#define CHILD(...) do { \
  fflush(stdout); \
  pid_t child = fork(); \
  if (child == 0) { __VA_ARGS__; fflush(stdout); _exit(0); } \
  int status; \
  waitpid(child, &status, 0); \
  if (status) printf("status %x\n", status); \
} while (0)

static void copy(const char *to, mode_t mode, uid_t user, gid_t group) {
  char bytes[65536];
  ssize_t got;
  int in = open(self, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0700);
  while ((got = read(in, bytes, sizeof bytes)) > 0)
    if (write(out, bytes, (size_t)got) != got) _exit(1);
  if (fchown(out, user, group) || fchmod(out, mode)) _exit(1);
  close(in);
  close(out);
}

static void become(uid_t user) {
  if (setresgid(user, user, user) || setresuid(user, user, user)) _exit(9);
}

int main(int argc, char **argv) {
  if (argc > 1) {
    printf("%s: AT_SECURE %lu AT_UID %lu AT_EUID %lu death %d\n", argv[1], getauxval(AT_SECURE), getauxval(AT_UID), getauxval(AT_EUID), 0);
    int death = -1;
    prctl(PR_GET_PDEATHSIG, &death);
    printf("death %d no_new_privs %d personality %x\n", death, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), personality(0xffffffff));
    tell(argv[1]);
    return 0;
  }
  self = argv[0];
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (chmod(".", 0755)) return 1;
  tell("root");
  // The numbers of users and capabilities.
  CHILD(T(seteuid(1000)); tell("seteuid"); T(seteuid(0)); tell("back"));
  CHILD(T(setuid(1000)); tell("setuid"); T(setuid(0)); T(setgroups(0, NULL)));
  CHILD(T(prctl(PR_SET_KEEPCAPS, 1)); T(setresuid(1000, 1000, 1000)); tell("kept"); T(give(set(1), set(1), 0)); tell("raised"); T(prctl(PR_SET_KEEPCAPS, 2)));
  CHILD(T(setresuid(1000, 0, 0)); tell("real"); T(setresuid(1000, 1000, 0)); tell("saved"); T(setresuid(-1, 0, -1)); tell("again"));
  CHILD(T(setfsuid(1000)); IS((set(0) & 0x1f) == 0x10 || (set(0) & 0x1f) == 0); T(setfsuid(0)); IS((set(0) & 0x1f) == 0x1f); T(prctl(PR_GET_DUMPABLE)));
  CHILD(T(give(ONE(CAP_KILL), ONE(CAP_KILL) | ONE(CAP_CHOWN), 0)); tell("few"); T(give(ONE(CAP_SETUID), ONE(CAP_SETUID), 0));
        T(give(ONE(CAP_CHOWN), ONE(CAP_KILL), 0)); T(setuid(5)); T(chown(".", 1, 1)); T(give(0, 0, ONE(CAP_KILL))); T(kill(1, 0) * 0));
  // What execve makes of them.
  copy("plain", 0755, 0, 0);
  copy("user", 04755, 2000, 2000);
  copy("group", 02755, 2000, 3000);
  copy("marked", 02745, 2000, 3000);
  copy("root", 04755, 0, 0);
  CHILD(run("./plain", "root runs"));
  CHILD(prctl(PR_SET_PDEATHSIG, SIGTERM); personality(ADDR_NO_RANDOMIZE); become(1000); prctl(PR_SET_PDEATHSIG, SIGTERM); run("./plain", "user runs"));
  CHILD(prctl(PR_SET_PDEATHSIG, SIGTERM); personality(ADDR_NO_RANDOMIZE); become(1000); prctl(PR_SET_PDEATHSIG, SIGTERM); run("./user", "set user"));
  CHILD(become(1000); run("./group", "set group"));
  CHILD(become(1000); run("./marked", "not set group"));
  CHILD(become(1000); run("./root", "set root"));
  CHILD(become(2000); run("./user", "own set user"));
  CHILD(run("./user", "root set user"));
  CHILD(T(setresuid(0, 1000, 0)); run("./plain", "saved root runs"));
  CHILD(T(setresuid(1000, 0, 1000)); run("./plain", "effective root runs"));
  CHILD(T(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); become(1000); run("./root", "nothing new"));
  CHILD(T(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); give(ONE(CAP_KILL), ONE(CAP_KILL), 0); run("./plain", "nothing new for root"));
  CHILD(T(prctl(PR_SET_KEEPCAPS, 1)); setresuid(1000, 1000, 1000); run("./plain", "kept until execve"));
  // Ambient ones.
  CHILD(T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
        T(give(set(0), set(1), ONE(CAP_KILL) | ONE(CAP_CHOWN)));
        T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0)); T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
        T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0)); T(prctl(PR_CAP_AMBIENT, 9, CAP_KILL, 0, 0)); T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 99, 0, 0));
        prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP); setresuid(1000, 1000, 1000); T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0)); give(set(0) & 0xff, set(1) & 0xff, set(2)); run("./plain", "ambient"));
  CHILD(give(set(0), set(1), ONE(CAP_KILL)); prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0); T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)); T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0)));
  // The bounding set.
  CHILD(T(prctl(PR_CAPBSET_READ, CAP_KILL)); T(prctl(PR_CAPBSET_DROP, CAP_KILL)); T(prctl(PR_CAPBSET_READ, CAP_KILL)); T(prctl(PR_CAPBSET_DROP, 77));
        for (int i = 6; i < 41; i++) prctl(PR_CAPBSET_DROP, i); run("./plain", "bounded"));
  CHILD(become(1000); T(prctl(PR_CAPBSET_DROP, CAP_KILL)); T(prctl(PR_SET_SECUREBITS, 0)));
  // Root without privilege.
  CHILD(T(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED)); T(prctl(PR_GET_SECUREBITS)); T(prctl(PR_SET_SECUREBITS, 0)); T(prctl(PR_SET_SECUREBITS, 0x1003)); run("./plain", "no root"));
  CHILD(T(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED)); T(prctl(PR_SET_KEEPCAPS, 1)); T(prctl(PR_GET_KEEPCAPS)));
  // Other things that prctl tells.
  int tsc = 0;
  T(prctl(PR_GET_TSC, &tsc));
  T(tsc);
  T(prctl(PR_SET_TIMERSLACK, 1234));
  T(prctl(PR_GET_TIMERSLACK));
  CHILD(T(prctl(PR_GET_TIMERSLACK)));
  T(prctl(PR_SET_TIMERSLACK, 0));
  T(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
  T(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
  CHILD(T(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0)));
  T(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0));
  T(prctl(PR_GET_TIMING));
  T(prctl(PR_SET_TIMING, 1));
  return done();
}
