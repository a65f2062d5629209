// Appending from several threads loses no record and tears none.
#include "../include/t.h"
#include <pthread.h>

static void *work(void *arg) {
  int fd = open("log", O_WRONLY | O_APPEND);
  char record[16];
  for (int i = 0; i < 500; i++) {
    snprintf(record, sizeof record, "%02ld-%011d\n", (long)arg, i);
    if (write(fd, record, 15) != 15) return "short";
  }
  close(fd);
  return 0;
}

int main(void) {
  pthread_t t[6];
  put("log", "");
  for (long i = 0; i < 6; i++) pthread_create(&t[i], 0, work, (void *)i);
  for (int i = 0; i < 6; i++) pthread_join(t[i], 0);
  FILE *f = fopen("log", "r");
  int next[6] = {0}, records = 0, bad = 0, who, n;
  char line[64];
  while (fgets(line, sizeof line, f)) {
    if (sscanf(line, "%2d-%11d", &who, &n) == 2 && strlen(line) == 15 && next[who]++ == n) records++;
    else bad++;
  }
  T(records);
  T(bad);
  return done();
}
