// Shared memory segments of System V: keys, permissions, attaching and detaching, counting, removing.
#include "../include/t.h"
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>

static struct shmid_ds state(int id) {
  struct shmid_ds s;
  memset(&s, 0xff, sizeof s);
  if (shmctl(id, IPC_STAT, &s)) printf("IPC_STAT: %s\n", t_error(errno));
  return s;
}

static bool attaches(int id, int flags) {
  void *p = shmat(id, NULL, flags);
  return p != (void *)-1;
}

int main(void) {
  int id = shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0640), status;
  IS(id >= 0);
  struct shmid_ds s = state(id);
  IS(s.shm_perm.uid == geteuid() && s.shm_perm.cuid == geteuid() && s.shm_perm.gid == getegid());
  SAY("%o %ld %ld %d %d", s.shm_perm.mode, (long)s.shm_segsz, (long)s.shm_nattch, s.shm_cpid == getpid(), s.shm_lpid);
  IS(s.shm_atime == 0 && s.shm_dtime == 0 && s.shm_ctime > 1000000000);
  char *p = shmat(id, NULL, 0);
  IS(p != (void *)-1 && (uintptr_t)p % 4096 == 0 && p[0] == 0 && p[9999] == 0);
  strcpy(p, "from the parent");
  char *again = shmat(id, NULL, SHM_RDONLY);
  SAY("%s %ld", again, (long)state(id).shm_nattch);
  pid_t child = fork();
  if (child == 0) {
    if (state(id).shm_nattch != 4 || strcmp(p, "from the parent")) _exit(1);
    strcpy(p + 5000, "from the child");
    if (shmdt(again)) _exit(2);
    _exit(state(id).shm_nattch == 3 ? 0 : 3);
  }
  waitpid(child, &status, 0);
  T(status);
  SAY("%s", again + 5000);
  T(state(id).shm_nattch);
  IS(state(id).shm_lpid == child);
  // Writing to one that is attached for reading.
  child = fork();
  if (child == 0) { again[0] = 1; _exit(0); }
  waitpid(child, &status, 0);
  IS(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  T(shmdt(again));
  T(shmdt(again));
  T(shmdt(p + 4096));
  T(shmdt(p + 1));
  // At a place of one's own.
  T(shmat(id, p, 0) == (void *)-1 ? -1 : 0);
  T(shmat(id, p + 5, 0) == (void *)-1 ? -1 : 0);
  char *room = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(room, 65536);
  IS(shmat(id, room + 100, SHM_RND) == room && strcmp(room, "from the parent") == 0);
  IS(shmat(id, room, SHM_REMAP) == room && strcmp(room, "from the parent") == 0);
  T(state(id).shm_nattch);
  T(shmdt(room));
  // It lives on without anybody, and in whoever has it when it is removed.
  T(shmdt(p));
  T(state(id).shm_nattch);
  p = shmat(id, NULL, 0);
  SAY("%s", p);
  T(shmctl(id, IPC_RMID, NULL));
  s = state(id);
  IS((s.shm_perm.mode & 01000) != 0 && s.shm_nattch == 1);
  again = shmat(id, NULL, 0);
  SAY("%s %ld", again, (long)state(id).shm_nattch);
  T(shmdt(again));
  T(shmdt(p));
  state(id);
  T(attaches(id, 0));
  T(shmctl(id, IPC_RMID, NULL));

  // Keys.
  key_t key = 0x43480000 + (getpid() & 0xffff);
  T(shmget(key, 4096, 0));
  id = shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0600);
  IS(id >= 0);
  T(shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0600));
  IS(shmget(key, 4096, IPC_CREAT | 0600) == id && shmget(key, 0, 0) == id && shmget(key, 100, 0) == id);
  T(shmget(key, 5000, 0));
  T(shmget(IPC_PRIVATE, 0, 0600));
  s = state(id);
  IS(s.shm_perm.__key == key);
  s.shm_perm.mode = 0444;
  T(shmctl(id, IPC_SET, &s));
  SAY("%o", state(id).shm_perm.mode);
  // A program that begins has nothing attached; nor has one that ended.
  child = fork();
  if (child == 0) {
    if (!attaches(id, SHM_RDONLY)) _exit(1);
    execl("/bin/true", "true", NULL);
    _exit(state(id).shm_nattch == 1 ? 0 : 2);
  }
  waitpid(child, &status, 0);
  T(state(id).shm_nattch);
  T(shmctl(id, 99, NULL));
  T(shmctl(id, SHM_LOCK, NULL));
  T(shmctl(id, SHM_UNLOCK, NULL));
  T(shmctl(id, IPC_STAT, (void *)8));
  T(shmctl(id, IPC_RMID, NULL));
  T(shmget(key, 4096, 0));
  T(attaches(-1, 0));
  return done();
}
