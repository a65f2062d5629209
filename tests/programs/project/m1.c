#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "all.h"
static int cmp(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
int f1(int n) { int *v = malloc(n * sizeof *v); for (int i = 0; i < n; i++) v[i] = (i * 7919 + 1) % 1009; qsort(v, n, sizeof *v, cmp); int r = v[n / 2]; char b[32]; snprintf(b, sizeof b, "%d", r); free(v); return r + (int)strlen(b); }
