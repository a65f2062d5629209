// What is done to bytes on their way in and out: every flag of c_iflag and c_oflag that changes bytes.
#include "../include/pty.h"

static void in(const char *flags, tcflag_t iflag, const char *text, size_t len) {
  struct termios t = pty_get();
  t.c_iflag = iflag;
  pty_set(t);
  SAY("%s", flags);
  pty_type_bytes(text, len);
  pty_type_bytes("!", 1);
  char b[100];
  size_t n = 0;
  while (n < sizeof b && read(pty_s, b + n, 1) == 1 && b[n++] != '!') {}
  pty_bytes("read:", b, (long)n);
  pty_shown();
}
#define IN(flags, text) in(#flags, flags, text, sizeof(text) - 1)

static void out(const char *flags, tcflag_t oflag, const char *text) {
  struct termios t = pty_get();
  t.c_oflag = oflag;
  pty_set(t);
  SAY("%s", flags);
  IS(write(pty_s, text, strlen(text)) == (ssize_t)strlen(text));
  pty_shown();
}
#define OUT(flags, text) out(#flags, flags, text)

int main(void) {
  pty_open();
  pty_raw(1, 0);
  IN(0, "a\r\n\xe1\x13\x11");
  IN(ICRNL, "a\r\n");
  IN(INLCR, "a\r\n");
  IN(IGNCR, "a\r\n");
  IN(INLCR | ICRNL, "a\r\n");
  IN(IGNCR | ICRNL | INLCR, "a\r\n");
  IN(ISTRIP, "\xe1\xff\x80z");
  IN(IUCLC, "MiXeD\xc4");
  IN(PARMRK, "a\xff" "b");
  IN(PARMRK | ISTRIP, "a\xff" "b");
  IN(IGNBRK | BRKINT | IGNPAR | INPCK, "plain\xff");
  pty_flags(0, 0, 0, 0, IEXTEN | ECHO, 0);
  IN(IUCLC, "MiXeD\xc4");
  IN(ICRNL, "a\r\n\x01\t");
  IN(INLCR, "a\r\n");
  pty_flags(0, 0, 0, 0, ECHOCTL, 0);
  IN(ICRNL, "a\r\n\x01\t\x7f");
  IN(0, "a\r\n");
  pty_flags(0, 0, 0, 0, 0, ECHO | ECHOCTL | IEXTEN);
  OUT(0, "a\nb\r\tc");
  OUT(OPOST, "a\nb\r\tc\n");
  OUT(OPOST | ONLCR, "a\nb\r\tc\n");
  OUT(OPOST | OCRNL, "a\rb\n");
  OUT(OPOST | OCRNL | ONLCR, "a\rb\n");
  OUT(OPOST | ONLCR | ONOCR, "\ra\r\rb\n\r");
  OUT(OPOST | ONOCR | ONLRET, "ab\n\rcd\r\r");
  OUT(OPOST | TABDLY, "a\tbc\t12345678\tx\b\tz\r");
  OUT(OPOST | ONLCR | TABDLY, "\n\t|\n12\t|\n\xc3\xa9\t|\x01\t|\n");
  pty_flags(IUTF8, 0, 0, 0, 0, 0);
  OUT(OPOST | ONLCR | TABDLY, "\xc3\xa9\t|\n");
  OUT(OPOST | OLCUC, "Lower and UPPER \xe4\r");
  OUT(OLCUC | ONLCR, "not processed\n");
  pty_close();
  return done();
}
