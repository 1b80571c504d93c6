/* mat.h: numeric arrays of MATLAB's MAT-5 files (plain or deflated) from memory. Structures, cells, texts, sparse and
 * complex arrays are passed over. Nothing in the file is trusted. Local. */
#ifndef SIGNALS_MAT_H
#define SIGNALS_MAT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

typedef struct mat_array {
  char name[64];
  int rows, cols; /* further dimensions are folded into cols */
  double *x;      /* (rows, cols) by COLUMNS, as in the file; owned */
} mat_array;

typedef struct mat {
  int n;
  mat_array *array;
} mat;

bool mat_matches(const unsigned char *bytes, size_t n);
/* All numeric arrays. ERR_FILE: not a MAT-5 file, big-endian, truncated, larger than 1 GB inflated. */
int mat_parse(mat **m, const char *name, const unsigned char *bytes, size_t n, err *e);
int mat_read(mat **m, const char *path, err *e);
void mat_free(mat *m);
const mat_array *mat_find(const mat *m, const char *name); /* NULL if there is none */

#endif
