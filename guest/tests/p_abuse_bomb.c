// A fork bomb fills a machine until no process can be made; whoever lives on kills them all, and has its machine back.
//: linux-differs as long as a machine of its own is not at hand
//: memory 64M
//: timeout 60
#include "../include/t.h"
#include <sys/wait.h>

// How many processes can be made at one time.
static int fill(void) {
  int made = 0;
  pid_t child;
  while ((child = fork()) > 0) made++;
  if (child == 0) for (;;) pause();
  return made;
}

static int reap(void) {
  int gone = 0, status;
  while (wait(&status) > 0) gone += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  return gone;
}

int main(void) {
  for (int round = 0; round < 3; round++) {
    // Every process makes processes until none can be made.
    while (fork() >= 0) {}
    if (getpid() != 1) for (;;) pause();
    IS(errno == EAGAIN || errno == ENOMEM);
    IS(kill(-1, SIGKILL) == 0);
    reap();
    // Those that nobody waits for go by themselves.
    while (kill(-1, 0) == 0) usleep(1000);
    IS(errno == ESRCH);
    int made = fill();
    IS(made > 50);
    IS(kill(-1, SIGKILL) == 0 && reap() == made);
  }
  return done();
}
