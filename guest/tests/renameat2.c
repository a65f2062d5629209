// renameat2: no-replace and exchange.
#include "../include/t.h"

int main(void) {
  put("a", "A"), put("b", "B");
  T(mkdir("d", 0755));
  put("d/in", "inside");
  T(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE));
  T(renameat2(AT_FDCWD, "a", AT_FDCWD, "c", RENAME_NOREPLACE));
  show("c");
  T(renameat2(AT_FDCWD, "c", AT_FDCWD, "b", RENAME_EXCHANGE));
  show("b"), show("c");
  T(renameat2(AT_FDCWD, "c", AT_FDCWD, "d", RENAME_EXCHANGE));
  show("d"), show("c/in");
  T(renameat2(AT_FDCWD, "c", AT_FDCWD, "none", RENAME_EXCHANGE));
  T(renameat2(AT_FDCWD, "c", AT_FDCWD, "b", RENAME_EXCHANGE | RENAME_NOREPLACE));
  T(renameat2(AT_FDCWD, "c", AT_FDCWD, "b", 0x100));
  T(renameat2(AT_FDCWD, "c", AT_FDCWD, "c/in", RENAME_EXCHANGE));
  T(renameat2(AT_FDCWD, "b", AT_FDCWD, "b", RENAME_NOREPLACE));
  return done();
}
