// Both directions have an end: writers that do not wait are refused, those that wait go on when the other side reads, and nothing gets lost.
//: cpus 1 4
#include "../include/pty.h"

enum { TOTAL = 300000 };

static void fill(int to, const char *what) {
  char b[1000] = {0};
  long total = 0, n;
  fcntl(to, F_SETFL, O_NONBLOCK);
  while ((n = write(to, b, sizeof b)) > 0 && total < 1000000) total += n;
  SAY("%s: %s", what, n < 0 ? t_error(errno) : "never full");
  IS(total >= 4096 && total < 200000);
  fcntl(to, F_SETFL, 0);
}

static void pass(int from, int to, const char *what) {
  pid_t child = fork();
  if (!child) {
    char b[777];
    for (long done = 0; done < TOTAL;) {
      long len = TOTAL - done < (long)sizeof b ? TOTAL - done : (long)sizeof b;
      for (long i = 0; i < len; i++) b[i] = (char)((done + i) * 7 % 251);
      long n = write(to, b, (size_t)len);
      if (n != len) _exit(1);
      done += n;
    }
    _exit(0);
  }
  char b[1000];
  long done = 0, wrong = 0;
  while (done < TOTAL) {
    long n = read(from, b, sizeof b);
    if (n <= 0) { SAY("read: %s", n ? t_error(errno) : "the end"); break; }
    for (long i = 0; i < n; i++) wrong += b[i] != (char)((done + i) * 7 % 251);
    done += n;
  }
  SAY("%s: %ld bytes, %ld wrong", what, done, wrong);
  pty_wait("the writer", child, 0);
}

int main(void) {
  pty_open();
  pty_raw(1, 0);
  fill(pty_s, "to the master");
  SAY("%x", pty_ready(pty_m, 1000) & POLLIN);
  T(tcflush(pty_m, TCIFLUSH));
  pty_close();
  pty_open();
  pty_raw(1, 0);
  fill(pty_m, "to the terminal");
  pty_close();
  pty_open();
  pty_raw(1, 0);
  pass(pty_m, pty_s, "to the master");
  pass(pty_s, pty_m, "to the terminal");
  SAY("a line that is too long");
  pty_cooked();
  pty_flags(0, 0, 0, 0, 0, ECHO);
  char *line = malloc(6000);
  memset(line, 'l', 6000);
  pty_type_bytes(line, 5000);
  TYPE("X\n");
  T(read(pty_s, line, 6000));
  IS(line[4095] == '\n' && line[4094] == 'l');
  TYPE("next\n");
  pty_read(100);
  SAY("lines fill it too");
  fcntl(pty_m, F_SETFL, O_NONBLOCK);
  memset(line, 'l', 99), line[99] = '\n';
  long total = 0, n;
  while ((n = write(pty_m, line, 100)) > 0 && total < 1000000) total += n;
  IS(n < 0 && errno == EAGAIN);
  fcntl(pty_m, F_SETFL, 0);
  long lines = 0;
  while (lines * 100 + 100 <= total && (n = read(pty_s, line, 6000)) == 100 && line[99] == '\n') lines++;
  IS(lines == total / 100);
  pty_close();
  return done();
}
