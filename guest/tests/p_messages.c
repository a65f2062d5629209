// Message queues of System V: types, order, room, waiting, rights, removal, and what lists them.
//: root
//: cpus 1 4
#include "../include/t.h"
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>

#ifndef MSG_COPY
#define MSG_COPY 040000
#endif

static struct { long type; char text[9000]; } m;
static int id;

static int put_one(long type, const char *text) {
  m.type = type;
  strcpy(m.text, text);
  return msgsnd(id, &m, strlen(text), IPC_NOWAIT);
}

static long take(long type, size_t room, int flags) {
  memset(&m, 0, sizeof m);
  long got = msgrcv(id, &m, room, type, flags);
  if (got >= 0) SAY("%ld \"%s\"", m.type, m.text);
  return got;
}

static int result(pid_t child) {
  int status;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

#define CHILD(what) ({ fflush(stdout); pid_t child = fork(); if (!child) { what; _exit(errno); } child; })

static void handler(int signal) { (void)signal; }

int main(void) {
  key_t key = 0x43480002 + getpid();
  T(msgget(key, 0600));
  OK(id = msgget(key, IPC_CREAT | IPC_EXCL | 0620));
  T(msgget(key, IPC_CREAT | IPC_EXCL | 0600));
  IS(msgget(key, 0600) == id);
  T(put_one(1, "one"));
  T(put_one(2, "two"));
  T(put_one(3, "three"));
  T(put_one(2, "again two"));
  T(put_one(5, ""));
  T(take(2, 100, IPC_NOWAIT));
  T(take(-4, 100, IPC_NOWAIT));
  T(take(3, 100, IPC_NOWAIT | MSG_EXCEPT));
  T(take(4, 100, IPC_NOWAIT));
  T(take(3, 2, IPC_NOWAIT));
  T(take(1, 100, IPC_NOWAIT | MSG_COPY));
  T(take(0, 100, MSG_COPY));
  T(take(0, 100, IPC_NOWAIT | MSG_COPY | MSG_EXCEPT));
  T(take(3, 2, IPC_NOWAIT | MSG_NOERROR));
  T(take(0, 100, IPC_NOWAIT));
  T(take(0, 100, IPC_NOWAIT));
  T(msgrcv(id, &m, -1, 0, IPC_NOWAIT));
  T(msgrcv(id, (void *)8, 10, 0, IPC_NOWAIT));
  T(put_one(0, "x"));
  T(put_one(-1, "x"));
  m.type = 1;
  T(msgsnd(id, &m, 8193, IPC_NOWAIT));
  T(msgsnd(id, (void *)8, 10, IPC_NOWAIT));
  T(msgsnd(-1, &m, 1, 0));
  // As much as fits.
  T(msgsnd(id, &m, 8192, IPC_NOWAIT));
  T(msgsnd(id, &m, 8000, IPC_NOWAIT));
  T(msgsnd(id, &m, 193, IPC_NOWAIT));
  T(msgsnd(id, &m, 192, IPC_NOWAIT));
  struct msqid_ds ds;
  T(msgctl(id, IPC_STAT, &ds));
  SAY("%lu %lu %lu %o", ds.msg_qnum, ds.__msg_cbytes, ds.msg_qbytes, ds.msg_perm.mode);
  IS(ds.msg_lspid == getpid() && ds.msg_lrpid == getpid());
  pid_t a = CHILD(m.type = 7; strcpy(m.text, "late"); msgsnd(id, &m, 4, 0));
  until_asleep(a);
  T(msgrcv(id, &m, 9000, 0, 0));
  T(result(a));
  T(msgrcv(id, &m, 9000, 1, 0));
  T(msgrcv(id, &m, 9000, 1, 0));
  T(take(0, 100, 0));
  // Somebody waits for a type.
  a = CHILD(errno = msgrcv(id, &m, 100, 9, 0) == 4 && !memcmp(m.text, "nine", 4) ? 0 : 99);
  until_asleep(a);
  T(put_one(8, "eight"));
  T(put_one(9, "nine"));
  T(result(a));
  T(take(0, 100, IPC_NOWAIT));
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, 0);
  a = CHILD(take(9, 100, 0));
  until_asleep(a);
  kill(a, SIGUSR1);
  IS(result(a) == EINTR);
  // Settings, lists, rights.
  ds.msg_qbytes = 10;
  ds.msg_perm.mode = 0602;
  T(msgctl(id, IPC_SET, &ds));
  T(put_one(1, "eleven bytes"));
  T(put_one(1, "ten bytes"));
  struct msginfo info;
  IS(msgctl(0, IPC_INFO, (void *)&info) >= 0);
  SAY("%d %d %d", info.msgmax, info.msgmnb, info.msgmni);
  IS(msgctl(0, MSG_INFO, (void *)&info) >= 0);
  IS(info.msgpool >= 1 && info.msgmap >= 1 && info.msgtql >= 9);
  char line[256], wanted[64];
  bool found = false;
  snprintf(wanted, sizeof wanted, "%10d %10d   602           9          1", key, id);
  FILE *list = fopen("/proc/sysvipc/msg", "r");
  while (list && fgets(line, sizeof line, list)) found |= !strncmp(line, wanted, strlen(wanted));
  IS(found);
  a = CHILD(setresgid(64002, 64002, 64002); setresuid(64002, 64002, 64002); T(take(0, 100, IPC_NOWAIT)); T(put_one(1, "")); T(msgctl(id, IPC_STAT, &ds)); T(msgctl(id, IPC_RMID, 0)); T(msgctl(id, IPC_SET, &ds)); fflush(stdout); errno = 0);
  T(result(a));
  a = CHILD(take(33, 100, 0));
  until_asleep(a);
  T(msgctl(id, IPC_RMID, 0));
  IS(result(a) == EIDRM);
  T(msgctl(id, IPC_STAT, &ds));
  T(put_one(1, "x"));
  T(msgget(key, 0));
  return done();
}
