// Stopping and starting output: by keys, by any key, by tcflow, and what a change of settings does to output that is stopped.
//: cpus 1 4
#include "../include/pty.h"

// A byte that does not wait: does it go?
static void try(const char *what) {
  long n = write(pty_s, "x", 1);
  SAY("%s: %s", what, n == 1 ? "goes" : t_error(errno));
  char c;
  if (n == 1 && (read(pty_m, &c, 1) != 1 || c != 'x')) SAY("but does not come: %d", c);
}

// Types bytes of which the last is a line end, so that reading it shows that they were seen.
static void keys(const char *text) {
  pty_type_bytes(text, strlen(text));
  char b[100];
  while (read(pty_s, b, sizeof b) < 0 && errno == EAGAIN) pty_ready(pty_s, 1000);
}

int main(void) {
  pty_open();
  pty_cooked();
  pty_flags(0, 0, 0, OPOST, 0, ECHO | ECHONL);
  fcntl(pty_s, F_SETFL, O_NONBLOCK);
  try("at first");
  keys("\x13\n");
  try("after Ctrl-S");
  SAY("%x", pty_ready(pty_s, 0) & POLLOUT);
  keys("other keys\n");
  try("after other keys");
  keys("\x11\n");
  try("after Ctrl-Q");
  keys("\x13\x13\x11\n");
  try("twice stopped, once started");
  pty_flags(IXANY, 0, 0, 0, 0, 0);
  keys("\x13\n");
  try("with IXANY after a line end");
  TYPE("\x13");
  while (pty_ready(pty_s, 0) & POLLOUT) {}
  try("with IXANY stopped");
  keys("any\n");
  try("with IXANY after any key");
  pty_flags(0, IXANY, 0, 0, 0, 0);
  keys("\x13\n");
  try("stopped again");
  pty_flags(0, IXON, 0, 0, 0, 0);
  try("after IXON was cleared");
  keys("\x13\n");
  try("Ctrl-S without IXON");
  pty_flags(IXON, 0, 0, 0, 0, 0);
  SAY("a signal's key");
  keys("\x13\n");
  signal(SIGINT, SIG_IGN);
  keys("\x03\n");
  try("after Ctrl-C");
  SAY("tcflow");
  T(tcflow(pty_s, TCOOFF));
  try("stopped by a program");
  keys("\x11\n");
  try("keys do not start it");
  T(tcflow(pty_s, TCOON));
  try("started by a program");
  keys("\x13\n");
  T(tcflow(pty_s, TCOON));
  try("what keys stopped stays");
  keys("\x11\n");
  T(tcflow(pty_s, TCIOFF));
  T(tcflow(pty_s, TCION));
  pty_master(2);
  T(tcflow(pty_s, 4));
  T(tcdrain(pty_s));
  T(tcsendbreak(pty_s, 0));
  SAY("echo waits too");
  pty_flags(0, 0, 0, 0, ECHO, 0);
  keys("\x13" "abc\n");
  SAY("%x", pty_ready(pty_m, 0) & POLLIN);
  keys("\x11" "d\n");
  pty_master(6);
  SAY("a writer that waits goes on");
  fcntl(pty_s, F_SETFL, 0);
  pty_flags(0, 0, 0, 0, 0, ECHO);
  keys("\x13\n");
  pid_t child = fork();
  if (!child) _exit(write(pty_s, "waited", 6) == 6 ? 0 : 1);
  usleep(50000);
  SAY("%x", pty_ready(pty_m, 0) & POLLIN);
  TYPE("\x11");
  pty_master(6);
  pty_wait("the writer", child, 0);
  pty_close();
  return done();
}
