// Semaphores of System V: making and finding sets, operations together, waiting, undoing at the end, values, rights, removal, and what lists them.
//: root
//: cpus 1 4
#include "../include/t.h"
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>

static int id;
static int op(int index, int add, int flags) {
  struct sembuf b = {(unsigned short)index, (short)add, (short)flags};
  return semop(id, &b, 1);
}

static void until(int index, int command, int count) {
  while (semctl(id, index, command) != count) usleep(1000);
}

static int result(pid_t child) {
  int status;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void handler(int signal) { (void)signal; }

#define CHILD(what) ({ fflush(stdout); pid_t child = fork(); if (!child) { what; _exit(errno); } child; })

int main(void) {
  unsigned short all[4] = {1, 2, 3, 4}, got[4] = {0};
  key_t key = 0x43480001 + getpid();
  T(semget(key, 4, 0600));
  T(semget(key, 0, IPC_CREAT | 0600));
  T(semget(key, -1, IPC_CREAT | 0600));
  T(semget(key, 32001, IPC_CREAT | 0600));
  OK(id = semget(key, 4, IPC_CREAT | IPC_EXCL | 0640));
  T(semget(key, 4, IPC_CREAT | IPC_EXCL | 0600));
  IS(semget(key, 4, 0600) == id);
  IS(semget(key, 0, 0) == id);
  T(semget(key, 5, 0600));
  T(semctl(id, 0, GETALL, got));
  SAY("%d %d %d %d", got[0], got[1], got[2], got[3]);
  T(semctl(id, 0, SETALL, all));
  T(semctl(id, 2, GETVAL));
  T(semctl(id, 2, SETVAL, 7));
  T(semctl(id, 2, SETVAL, 32768));
  T(semctl(id, 2, SETVAL, -1));
  T(semctl(id, 4, GETVAL));
  T(semctl(id, 4, SETVAL, 1));
  T(semctl(id, 0, 99));
  T(semctl(-1, 0, GETVAL));
  T(op(0, -1, IPC_NOWAIT));
  T(op(0, -1, IPC_NOWAIT));
  T(op(0, 0, IPC_NOWAIT));
  T(op(1, 0, IPC_NOWAIT));
  T(op(4, 1, 0));
  T(op(1, 32766, 0));
  T(semop(id, 0, 0));
  T(semop(id, (void *)8, 1));
  T(semop(id, (void *)8, 501));
  IS(semctl(id, 0, GETPID) == getpid());
  // Together or not at all; each sees what those before it did.
  struct sembuf two[] = {{1, -2, 0}, {0, -1, IPC_NOWAIT}};
  T(semop(id, two, 2));
  T(semctl(id, 1, GETVAL));
  struct sembuf chain[] = {{0, 5, 0}, {0, -5, 0}, {0, 0, 0}, {3, -4, 0}};
  T(semop(id, chain, 4));
  T(semctl(id, 3, GETVAL));
  struct timespec little = {0, 20000000}, bad = {0, -1};
  struct sembuf down = {0, -1, 0}, zero = {1, 0, 0};
  T(semtimedop(id, &down, 1, &little));
  T(semtimedop(id, &down, 1, &bad));
  // Waiting for more, and for zero.
  pid_t a = CHILD(op(0, -2, 0)), b = CHILD(op(0, -1, 0)), c = CHILD(semop(id, &zero, 1));
  until(0, GETNCNT, 2);
  until(1, GETZCNT, 1);
  T(op(0, 1, 0));
  T(result(b));
  T(semctl(id, 0, GETNCNT));
  T(op(0, 2, 0));
  T(result(a));
  T(op(1, -2, 0));
  T(result(c));
  T(semctl(id, 0, GETVAL));
  // What a process is to have undone.
  pid_t d = CHILD(op(0, 3, 0); op(0, -2, SEM_UNDO); op(3, 4, SEM_UNDO));
  T(result(d));
  T(semctl(id, 0, GETVAL));
  T(semctl(id, 3, GETVAL));
  T(op(0, -3, 0));
  d = CHILD(op(0, 4, SEM_UNDO); semctl(id, 0, SETVAL, 9));
  T(result(d));
  T(semctl(id, 0, GETVAL));
  d = CHILD(op(0, 1, SEM_UNDO); op(0, -5, 0); kill(getpid(), SIGKILL));
  T(result(d));
  T(semctl(id, 0, GETVAL));
  // A child has nothing to undo of its parent's.
  d = CHILD(op(0, 1, SEM_UNDO); pid_t e = fork(); if (!e) _exit(0); waitpid(e, 0, 0); errno = semctl(id, 0, GETVAL));
  T(result(d));
  T(semctl(id, 0, GETVAL));
  // A signal, and the end of the set.
  T(semctl(id, 0, SETVAL, 0));
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, 0);
  a = CHILD(op(0, -1, 0));
  until(0, GETNCNT, 1);
  kill(a, SIGUSR1);
  IS(result(a) == EINTR);
  // What stat and the lists say.
  struct semid_ds ds;
  T(semctl(id, 0, IPC_STAT, &ds));
  IS(ds.sem_perm.__key == key);
  SAY("%lu %o %d", ds.sem_nsems, ds.sem_perm.mode, ds.sem_otime > 0);
  ds.sem_perm.mode = 0604;
  ds.sem_perm.uid = 64001;
  T(semctl(id, 0, IPC_SET, &ds));
  T(semctl(id, 0, IPC_STAT, &ds));
  SAY("%o %d %d", ds.sem_perm.mode, ds.sem_perm.uid, ds.sem_perm.cuid);
  struct seminfo info;
  IS(semctl(0, 0, IPC_INFO, &info) >= 0);
  SAY("%d %d %d %d", info.semmsl, info.semopm, info.semvmx, info.semaem);
  IS(semctl(0, 0, SEM_INFO, &info) >= 0);
  IS(info.semusz >= 1 && info.semaem >= 4);
  char line[256], wanted[64];
  bool found = false;
  snprintf(wanted, sizeof wanted, "%10d %10d   604          4 64001", key, id);
  FILE *list = fopen("/proc/sysvipc/sem", "r");
  while (list && fgets(line, sizeof line, list)) found |= !strncmp(line, wanted, strlen(wanted));
  IS(found);
  // Who may what.
  b = CHILD(setresgid(64002, 64002, 64002); setresuid(64002, 64002, 64002); T(semctl(id, 0, GETVAL)); T(op(0, 0, IPC_NOWAIT)); T(op(0, 1, IPC_NOWAIT)); T(semctl(id, 0, SETVAL, 1)); T(semctl(id, 0, IPC_RMID)); T(semget(key, 0, 0200)); fflush(stdout); errno = 0);
  T(result(b));
  b = CHILD(setresgid(64002, 64002, 64002); setresuid(64001, 64001, 64001); T(op(0, 1, IPC_NOWAIT)); T(semctl(id, 0, SETVAL, 0)); fflush(stdout); errno = 0);
  T(result(b));
  a = CHILD(op(0, -1, 0));
  until(0, GETNCNT, 1);
  T(semctl(id, 0, IPC_RMID));
  IS(result(a) == EIDRM);
  T(op(0, 1, 0));
  T(semctl(id, 0, GETVAL));
  T(semget(key, 0, 0));
  return done();
}
