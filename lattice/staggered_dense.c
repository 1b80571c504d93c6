/* staggered_dense.c: the determinant of small lattices by LU (LAPACKE), and of constant fields by a momentum sum. */
#include <math.h>
#include <string.h>

#include "base/lapack.h"
#include "lattice/staggered.h"

/* Columns of D are its images of unit vectors. */
static void fill(staggered *s) {
  long n = s->g->n;
  double *unit = s->full[0], *image = s->full[1];
  memset(unit, 0, (size_t)n * sizeof *unit);
  for (long i = 0; i < n; i++) {
    unit[i] = 1;
    staggered_apply(s->g, 1, s->m, unit, image);
    memcpy(s->matrix + i * n, image, (size_t)n * sizeof *image);
    unit[i] = 0;
  }
}

double staggered_logdet(staggered *s, double *inverse) {
  int n = (int)s->g->n, info;
  double sum = 0;
  fill(s);
  LAPACK_ALONE(info, LAPACKE_dgetrf(LAPACK_COL_MAJOR, n, n, s->matrix, n, s->pivot));
  if (info) return NAN;
  for (long i = 0; i < n; i++) sum += log(fabs(s->matrix[i * n + i]));
  if (!inverse) return sum;
  LAPACK_ALONE(info, LAPACKE_dgetri(LAPACK_COL_MAJOR, n, s->matrix, n, s->pivot));
  if (info) return NAN;
  for (long i = 0; i < n; i++) inverse[i] = s->matrix[i * n + i];
  return sum;
}

double exact_staggered_logdet(const scalar_grid *g, double m) {
  double sum = 0;
  for (long i = 0; i < g->n; i++) {
    double sines = 0;
    long rest = i;
    for (int k = g->d - 1; k >= 0; k--) {
      double p = 2 * M_PI * ((double)(rest % g->side[k]) + (k ? 0 : .5)) / g->side[k];
      sines += sin(p) * sin(p), rest /= g->side[k];
    }
    sum += log(m * m + sines) / 2;
  }
  return sum;
}
