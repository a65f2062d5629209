// inotify: what happens to files in a directory and to a file itself, moves, removals, masks, one shot, and errors.
#include "../include/t.h"
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>

static int in;

static void heard(const char *what) {
  static char buffer[8192] __attribute__((aligned(8)));
  uint32_t cookie = 0;
  ssize_t n = read(in, buffer, sizeof buffer);
  printf("%s:", what);
  for (char *at = buffer; at < buffer + n;) {
    struct inotify_event *e = (struct inotify_event *)at;
    printf(" [%d %x%s '%s']", e->wd, e->mask, e->cookie ? e->cookie == cookie ? " same" : " moved" : "", e->len ? e->name : "");
    cookie = e->cookie;
    at += sizeof *e + e->len;
  }
  putchar('\n');
}

int main(void) {
  in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  IS(in >= 0);
  mkdir("d", 0755), mkdir("e", 0755);
  T(inotify_add_watch(in, "d", IN_ALL_EVENTS));
  heard("nothing");
  int fd = open("d/f", O_RDWR | O_CREAT, 0644);
  heard("create");
  write(fd, "hello", 5);
  write(fd, "hello", 5);
  heard("write");
  char b[10];
  pread(fd, b, 5, 0);
  heard("read");
  ftruncate(fd, 3);
  fchmod(fd, 0600);
  heard("truncate, chmod");
  close(fd);
  heard("close");
  T(inotify_add_watch(in, "d/f", IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF));
  T(inotify_add_watch(in, "e", IN_MOVED_TO | IN_CREATE));
  rename("d/f", "e/g");
  heard("move");
  mkdir("d/sub", 0755);
  rmdir("d/sub");
  heard("mkdir, rmdir");
  symlink("x", "e/link");
  link("e/g", "e/h");
  heard("symlink, link");
  unlink("e/link");
  unlink("e/h");
  heard("unlink");
  unlink("e/g");
  heard("unlink the last");
  fd = open("e/g", O_RDONLY);
  heard("not there");
  T(inotify_rm_watch(in, 1));
  heard("removed");
  T(inotify_rm_watch(in, 1));
  T(inotify_add_watch(in, "d", IN_CREATE | IN_ONESHOT));
  close(open("d/one", O_CREAT | O_RDWR, 0644)), close(open("d/two", O_CREAT | O_RDWR, 0644));
  struct pollfd p = {in, POLLIN, 0};
  T(poll(&p, 1, 0));
  heard("one shot");
  T(poll(&p, 1, 0));
  T(inotify_add_watch(in, "d", IN_CREATE));
  T(inotify_add_watch(in, "d", IN_DELETE | IN_MASK_ADD));
  T(inotify_add_watch(in, "d", IN_DELETE | IN_MASK_CREATE));
  close(open("d/three", O_CREAT | O_RDWR, 0644));
  unlink("d/three");
  int waiting = 0;
  T(ioctl(in, FIONREAD, &waiting));
  T(waiting);
  T(read(in, b, 10));
  heard("both");
  T(inotify_add_watch(in, "missing", IN_CREATE));
  T(inotify_add_watch(in, "d", 0));
  T(inotify_add_watch(in, "d/one", IN_OPEN | IN_ONLYDIR));
  T(inotify_add_watch(0, "d", IN_OPEN));
  T(inotify_init1(1));
  unlink("d/one"), unlink("d/two");
  heard("emptied");
  rmdir("d");
  heard("directory gone");
  return done();
}
