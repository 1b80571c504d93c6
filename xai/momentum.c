/* momentum.c: relevance of momenta (see momentum.h). One real transform per lane and channel, of x and of r; the modes
 * that it leaves out are complex conjugates. */
#include "xai/momentum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int half_of(const int *n, int d) {
  return n[d - 1] / 2 + 1;
}

/* Extents without the trailing ones; at least one. */
static int dimensions(nn_shape s) {
  int d = 3;
  while (d > 1 && s.extent[d - 1] == 1) d--;
  return d;
}

int xai_momentum_new(xai_momentum **out, nn_shape shape, int lanes, err *e) {
  xai_momentum *m = *out = calloc(1, sizeof *m);
  if (!m) return err_set(e, ERR_RUN, "relevance of momenta: out of memory");
  int d = dimensions(shape), many = shape.channels * lanes, last = half_of(shape.extent, d);
  *m = (xai_momentum){.shape = shape, .lanes = lanes, .half = (size_t)last};
  for (int i = 0; i < d - 1; i++) m->half *= (size_t)shape.extent[i];
  m->in = fftw_malloc(nn_rows(shape) * (size_t)lanes * sizeof *m->in);
  m->y = fftw_malloc(m->half * (size_t)many * sizeof *m->y);
  m->r = fftw_malloc(m->half * (size_t)many * sizeof *m->r);
  if (m->in && m->y && m->r)
    m->plan = fftw_plan_many_dft_r2c(d, shape.extent, many, m->in, NULL, many, 1, m->y, NULL, many, 1, FFTW_ESTIMATE);
  if (m->plan) return 0;
  xai_momentum_free(m);
  *out = NULL;
  return err_set(e, ERR_RUN, "relevance of momenta: out of memory");
}

void xai_momentum_free(xai_momentum *m) {
  if (!m) return;
  if (m->plan) fftw_destroy_plan(m->plan);
  fftw_free(m->in), fftw_free(m->y), fftw_free(m->r), free(m);
}

/* The kept mode that holds momentum p or -p. */
static size_t kept(const xai_momentum *m, size_t p) {
  int d = dimensions(m->shape), k[3];
  const int *n = m->shape.extent;
  for (int i = d - 1; i >= 0; i--) k[i] = (int)(p % (size_t)n[i]), p /= (size_t)n[i];
  if (k[d - 1] >= half_of(n, d))
    for (int i = 0; i < d; i++) k[i] = (n[i] - k[i]) % n[i];
  size_t at = 0;
  for (int i = 0; i < d; i++) at = at * (size_t)(i == d - 1 ? half_of(n, d) : n[i]) + (size_t)k[i];
  return at;
}

void xai_momentum_relevance(xai_momentum *m, const nn_real *x, const nn_real *R, double epsilon, double *to,
                            double *lost) {
  size_t S = (size_t)m->lanes, many = (size_t)m->shape.channels * S, N = (size_t)nn_positions(m->shape);
  if (lost) memset(lost, 0, S * sizeof *lost);
  for (size_t i = 0; i < N * many; i++) m->in[i] = (double)x[i];
  fftw_execute_dft_r2c(m->plan, m->in, m->y);
  for (size_t i = 0; i < N * many; i++) {
    double v = (double)x[i], stab = v < 0 ? v - epsilon : v + epsilon;
    m->in[i] = stab != 0 ? (double)R[i] / stab : 0;
    if (lost) lost[i % S] += (double)R[i] - m->in[i] * v;
  }
  fftw_execute_dft_r2c(m->plan, m->in, m->r);
  for (size_t p = 0; p < N; p++) {
    size_t at = kept(m, p) * many;
    for (size_t i = 0; i < many; i++) to[p * many + i] = creal(m->y[at + i] * conj(m->r[at + i])) / (double)N;
  }
}
