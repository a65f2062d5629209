// Calls about files answer EFAULT to bad pointers.
#include "../include/t.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/statfs.h>

#define BAD ((void *)8)
#define HIGH ((void *)0xffffffff80000000)
#define SPLIT ((void *)0x7fffffffeffe)

int main(void) {
  put("f", "0123456789");
  int fd = open("f", O_RDWR), dir = open(".", O_RDONLY), p[2];
  pipe(p);
  void *bad[] = {BAD, HIGH, (void *)0x8000000000000000, (void *)-1};
  for (int i = 0; i < 4; i++) {
    void *b = bad[i];
    T(syscall(SYS_read, fd, b, 5));
    T(syscall(SYS_write, fd, b, 5));
    T(syscall(SYS_pread64, fd, b, 5, 0));
    T(syscall(SYS_pwrite64, fd, b, 5, 0));
    T(syscall(SYS_readv, fd, b, 1));
    T(syscall(SYS_writev, fd, b, 1));
    T(syscall(SYS_write, p[1], b, 5));
    T(syscall(SYS_open, b, 0));
    T(syscall(SYS_openat, AT_FDCWD, b, 0));
    T(syscall(SYS_stat, b, &(struct stat){0}));
    T(syscall(SYS_fstat, fd, b));
    T(syscall(SYS_newfstatat, AT_FDCWD, "f", b, 0));
    T(syscall(SYS_access, b, 0));
    T(syscall(SYS_readlink, b, &(char[9]){0}, 9));
    T(syscall(SYS_readlink, "/proc/self/exe", b, 9));
    T(syscall(SYS_getcwd, b, 4096));
    T(syscall(SYS_chdir, b));
    T(syscall(SYS_mkdir, b, 0));
    T(syscall(SYS_rmdir, b));
    T(syscall(SYS_unlink, b));
    T(syscall(SYS_rename, b, "x"));
    T(syscall(SYS_rename, "f", b));
    T(syscall(SYS_link, "f", b));
    T(syscall(SYS_symlink, b, "x"));
    T(syscall(SYS_symlink, "x", b));
    T(syscall(SYS_chmod, b, 0));
    T(syscall(SYS_chown, b, 0, 0));
    T(syscall(SYS_truncate, b, 0));
    T(syscall(SYS_statfs, b, &(struct statfs){0}));
    T(syscall(SYS_statfs, ".", b));
    T(syscall(SYS_fstatfs, fd, b));
    T(syscall(SYS_utimensat, AT_FDCWD, "f", b, 0));
    T(syscall(SYS_getdents64, dir, b, 4096));
    T(syscall(SYS_pipe, b));
    T(syscall(SYS_pipe2, b, 0));
    T(syscall(SYS_sendfile, fd, fd, b, 1));
    T(syscall(SYS_poll, b, 1, 0));
    T(syscall(SYS_execve, b, 0, 0));
    T(syscall(SYS_fcntl, fd, F_GETLK, b));
    T(syscall(SYS_mknod, b, S_IFREG, 0));
    T(syscall(SYS_setxattr, "f", b, "x", 1, 0));
    T(syscall(SYS_memfd_create, b, 0));
  }
  char c[10] = {0};
  T(pread(fd, c, 10, 0));
  T(syscall(SYS_read, p[0], c, 0));
  return done();
}
