/* scalar_measure.c: sums and observables of the scalar field (see scalar.h): magnetisation and its staggered partner,
 * moments, link energy, box averages (the scalar's plaquettes), time slices and their correlator. */
#include <math.h>
#include <string.h>

#include "lattice/scalar.h"

static void sums_row(const scalar_grid *g, const double *phi, int p, int r, double sum[SCALAR_NSUM]) {
  int n = g->row, mid = g->d - 2;
  const double *plane = phi + p * g->plane, *h = plane + (long)r * n, *ahead[SCALAR_DIM - 1];
  double m = 0, ms = 0, s2 = 0, s4 = 0, T = h[n - 1] * h[0];
  ahead[0] = scalar_plane(g, g->plane, phi, p + 1) + (long)r * n;
  for (int k = 0; k < mid; k++) ahead[1 + k] = plane + (long)g->near[(r * mid + k) * 2] * n;
#pragma omp simd reduction(+ : m, ms, s2, s4)
  for (int x = 0; x < n; x++) {
    double f = h[x], q = f * f;
    m += f, ms += x & 1 ? -f : f, s2 += q, s4 += q * q;
  }
#pragma omp simd reduction(+ : T)
  for (int x = 0; x < n - 1; x++) T += h[x] * h[x + 1];
  for (int k = 0; k <= mid; k++)
#pragma omp simd reduction(+ : T)
    for (int x = 0; x < n; x++) T += h[x] * ahead[k][x];
  sum[SCALAR_M] += m, sum[SCALAR_MS] += scalar_row_odd(g, p, r) ? -ms : ms;
  sum[SCALAR_PHI2] += s2, sum[SCALAR_PHI4] += s4, sum[SCALAR_T] += T;
}

static void sums_plane(const scalar_grid *g, const double *phi, int p, double sum[SCALAR_NSUM]) {
  memset(sum, 0, SCALAR_NSUM * sizeof *sum);
  for (int r = 0; r < g->rows; r++) sums_row(g, phi, p, r, sum);
}

void scalar_sums(const scalar_grid *g, const double *phi, double sum[SCALAR_NSUM]) {
  double rows[g->side[0]][SCALAR_NSUM];
  for (int p = 0; p < g->planes; p++) sums_plane(g, phi, p, rows[g->first + p]);
  scalar_sum(g, SCALAR_NSUM, rows[0], sum);
}

double scalar_action_value(const scalar_grid *g, scalar_action a, const double sum[SCALAR_NSUM]) {
  return -2 * a.kappa * sum[SCALAR_T] + (1 - 2 * a.lambda) * sum[SCALAR_PHI2] + a.lambda * sum[SCALAR_PHI4] +
         a.lambda * (double)g->n;
}

/* The 2^(d-1) rows of the cubes that begin in row r of plane p; the sign of each in the staggered cube. */
static int cube_rows(const scalar_grid *g, const double *phi, int p, int r, const double *row[8], double sign[8]) {
  int mid = g->d - 2, count = 1, index[4] = {r};
  for (int k = 0; k < mid; k++, count *= 2)
    for (int i = 0; i < count; i++) index[count + i] = g->near[(index[i] * mid + k) * 2];
  for (int i = 0; i < 2 * count; i++) {
    int k = i % count;
    row[i] = scalar_plane(g, g->plane, phi, p + i / count) + (long)index[k] * g->row;
    sign[i] = (__builtin_popcount((unsigned)k) + i / count) & 1 ? -1 : 1;
  }
  return 2 * count;
}

static void boxes_row(const scalar_grid *g, const double *phi, int p, int r, double sum[4]) {
  const double *row[8];
  double sign[8], box = 0, cbox = 0, box2 = 0, cbox2 = 0;
  int n = g->row, count = cube_rows(g, phi, p, r, row, sign);
  for (int x = 0; x < n; x++) {
    int y = x + 1 < n ? x + 1 : 0;
    double B = 0, C = 0;
    for (int i = 0; i < count; i++) {
      B += row[i][x] + row[i][y];
      C += sign[i] * (row[i][x] - row[i][y]);
    }
    box += fabs(B), cbox += fabs(C), box2 += B * B, cbox2 += C * C;
  }
  double scale = 1. / (1 << g->d);
  sum[0] += box, sum[1] += cbox, sum[2] += box2 * scale, sum[3] += cbox2 * scale;
}

void scalar_measure(const scalar_grid *g, const double *phi, double obs[SCALAR_NOBS], double (*slice)[2]) {
  double rows[g->side[0]][SCALAR_NOBS];
  for (int p = 0; p < g->planes; p++) {
    double *row = rows[g->first + p];
    sums_plane(g, phi, p, row);
    memset(row + SCALAR_NSUM, 0, (SCALAR_NOBS - SCALAR_NSUM) * sizeof *row);
    for (int r = 0; r < g->rows; r++) boxes_row(g, phi, p, r, row + SCALAR_BOX);
  }
  scalar_share(g, SCALAR_NOBS, rows[0]);
  for (int t = 0; slice && t < g->side[0]; t++) slice[t][0] = rows[t][SCALAR_M], slice[t][1] = rows[t][SCALAR_MS];
  comm_add_rows(g->side[0], SCALAR_NOBS, rows[0]);
  memcpy(obs, rows[0], SCALAR_NOBS * sizeof *obs);
}

void scalar_correlator(const scalar_grid *g, const double (*slice)[2], bool staggered, double *G) {
  int L = g->side[0];
  double scale = 1 / ((double)g->plane * (double)g->plane * L);
  for (int t = 0; t <= L / 2; t++) {
    G[t] = 0;
    for (int s = 0; s < L; s++) G[t] += slice[s][staggered] * slice[(s + t) % L][staggered];
    G[t] *= scale;
  }
}
