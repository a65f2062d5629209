// mq_notify with SIGEV_THREAD runs a function in a thread of the C library; what the kernel does for that is told by a cookie on a netlink socket.
//: link dynamic
#include "../include/t.h"
#include <linux/netlink.h>
#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>

static sem_t told;
static pthread_t who;
static int value;

static void tell(union sigval given) {
  who = pthread_self();
  value = given.sival_int;
  sem_post(&told);
}

static bool wait_until_told(int milliseconds) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  t.tv_nsec += milliseconds % 1000 * 1000000L;
  t.tv_sec += milliseconds / 1000 + t.tv_nsec / 1000000000;
  t.tv_nsec %= 1000000000;
  return sem_timedwait(&told, &t) == 0;
}

static int notify(int mq, int socket, const char *cookie) {
  struct sigevent e = {.sigev_notify = SIGEV_THREAD, .sigev_signo = socket};
  e.sigev_value.sival_ptr = (void *)cookie;
  return syscall(SYS_mq_notify, mq, &e);
}

int main(void) {
  char name[64], cookie[32] = "the cookie of thirty-two bytes", got[64];
  snprintf(name, sizeof name, "/notify.%d", getpid());
  struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = 16};
  mqd_t mq = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
  IS(mq >= 0);
  mq_unlink(name);
  sem_init(&told, 0, 0);
  struct sigevent e = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = tell, .sigev_value.sival_int = 42};
  T(mq_notify(mq, &e));
  T(mq_notify(mq, &e));
  T(mq_send(mq, "one", 3, 1));
  IS(wait_until_told(20000) && value == 42 && !pthread_equal(who, pthread_self()));
  T(mq_send(mq, "two", 3, 1));
  IS(!wait_until_told(50));
  T(mq_receive(mq, got, sizeof got, 0));
  T(mq_receive(mq, got, sizeof got, 0));
  T(mq_notify(mq, &e));
  T(mq_notify(mq, 0));
  T(mq_send(mq, "three", 5, 1));
  IS(!wait_until_told(50));
  T(mq_receive(mq, got, sizeof got, 0));

  int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), pair[2];
  IS(netlink >= 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
  T(notify(mq, -1, cookie));
  T(notify(mq, mq, cookie));
  int bad = notify(mq, pair[0], cookie);
  SAY("a socket of another family: %d %s", bad, t_error(errno));
  bad = notify(mq, netlink, (char *)8);
  SAY("a bad cookie: %d %s", bad, t_error(errno));
  bad = notify(pair[0], netlink, cookie);
  SAY("no queue: %d %s", bad, t_error(errno));
  IS(notify(mq, netlink, cookie) == 0);
  T(recv(netlink, got, sizeof got, MSG_DONTWAIT));
  T(mq_send(mq, "four", 4, 1));
  T(recv(netlink, got, sizeof got, MSG_DONTWAIT));
  IS(!memcmp(got, cookie, 31) && got[31] == 1);
  T(recv(netlink, got, sizeof got, MSG_DONTWAIT));
  IS(notify(mq, netlink, cookie) == 0);
  T(mq_notify(mq, 0));
  T(recv(netlink, got, sizeof got, MSG_DONTWAIT));
  IS(!memcmp(got, cookie, 31) && got[31] == 2);
  IS(notify(mq, netlink, cookie) == 0);
  T(mq_close(mq));
  T(recv(netlink, got, sizeof got, MSG_DONTWAIT));
  IS(got[31] == 2);
  return done();
}
