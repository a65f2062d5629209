// Neither reads nor writes through system calls reach the kernel's half of the address space.
#include "../include/t.h"

int main(void) {
  int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY), fd = open("f", O_RDWR | O_CREAT, 0644);
  unsigned long tried = 0, refused = 0, leaked = 0;
  for (int bit = 47; bit < 64; bit++)
    for (int k = 0; k < 3; k++) {
      char *at = (char *)((~0ul << bit) + (k == 0 ? 0 : k == 1 ? 0x100000 : (1ul << bit) - 4096));
      tried += 2;
      refused += read(zero, at, 16) == -1 && errno == EFAULT;
      refused += write(fd, at, 16) == -1 && errno == EFAULT;
    }
  struct stat st;
  fstat(fd, &st);
  leaked = st.st_size;
  IS(tried == refused);
  T(leaked);
  T(read(zero, (char *)0x7ffffffff000 - 8, 16) <= 8);
  T(write(null, (char *)0x7ffffffff000 - 8, 16) != 0);
  return done();
}
