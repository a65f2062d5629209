// The mask takes bits from new files, directories and FIFOs, and returns its old value.
#include "../include/t.h"

static void mode(const char *path) {
  struct stat st;
  stat(path, &st);
  SAY("%s: %o", path, st.st_mode);
}

int main(void) {
  umask(022);
  T(umask(027));
  T(umask(077777));
  T(umask(027));
  T(close(open("f", O_CREAT | O_WRONLY, 0666)));
  T(mkdir("d", 0777));
  T(mkfifo("p", 0666));
  mode("f"), mode("d"), mode("p");
  T(umask(0));
  T(close(open("g", O_CREAT | O_WRONLY, 07777)));
  mode("g");
  return done();
}
