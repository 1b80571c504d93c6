/* eit_fit.c: eit_fit. The prior of total variation is |d| ~ d^2/(2 w) + w/2 with w of the last iteration. */
#include "signals/eit_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/lapack.h"
#include "signals/dense.h"
#include "signals/eit_image.h"

typedef struct fit {
  eit_forward *f;
  const eit_mesh *m;
  const eit_protocol *p;
  const eit_raster *r;
  const eit_graph *g;
  const eit_fit_spec *spec;
  const double *measured;
  int n, L, N;                              /* pixels, electrodes that are fitted, unknowns */
  double *noise, *start, *x, *trial, *step; /* (ndata), (N) ... */
  double *v, *sigma, *field, *z, *jt, *jz;  /* (ndata), (nelems), (nelems), (nelectrodes), (nelems, ndata), ... */
  double *j, *t, *h;                        /* (N, ndata), (ndata, N), (N, N) */
} fit;

static void close_fit(fit *a) {
  free(a->noise), free(a->start), free(a->x), free(a->trial), free(a->step), free(a->v), free(a->sigma), free(a->field);
  free(a->z), free(a->jt), free(a->jz), free(a->j), free(a->t), free(a->h);
}

static double *room(size_t n, size_t m) {
  return malloc((n * m + 8) * sizeof(double));
}

static int open_fit(fit *a, const double *noise, const double *s, const double *z, err *e) {
  size_t N = (size_t)a->N, M = (size_t)a->p->ndata, ne = (size_t)a->m->nelems, L = (size_t)a->m->nelectrodes;
  a->noise = room(M, 1), a->start = room(N, 1), a->x = room(N, 1), a->trial = room(N, 1), a->step = room(N, 1);
  a->v = room(M, 1), a->sigma = room(ne, 1), a->field = room(ne, 1), a->z = room(L, 1), a->jt = room(ne, M);
  a->jz = room(L, M), a->j = room(N, M), a->t = room(N, M), a->h = room(N, N);
  if (!a->noise || !a->start || !a->x || !a->trial || !a->step || !a->v || !a->sigma || !a->field || !a->z || !a->jt ||
      !a->jz || !a->j || !a->t || !a->h)
    return err_set(e, ERR_RUN, "fit: no memory for %d unknowns and %d data", a->N, a->p->ndata);
  for (size_t d = 0; d < M; d++) a->noise[d] = noise ? noise[d] : 1;
  memcpy(a->x, s, (size_t)a->n * sizeof *s);
  memcpy(a->z, z, L * sizeof *z);
  for (int l = 0; l < a->L; l++) a->x[a->n + l] = log(z[l]);
  memcpy(a->start, a->x, N * sizeof *a->x);
  return 0;
}

/* Voltages and the sum of misfit and priors at x. INFINITY where the model fails. */
static double goal(fit *a, const double *x, double *misfit, err *e) {
  if (a->r) eit_raster_spread(a->r, x, a->field);
  for (int k = 0; k < a->m->nelems; k++) a->sigma[k] = exp(a->r ? a->field[k] : x[0]);
  for (int l = 0; l < a->L; l++) a->z[l] = exp(x[a->n + l]);
  if (eit_forward_solve(a->f, a->sigma, a->z, a->v, e)) return INFINITY;
  double sum = 0;
  for (int d = 0; d < a->p->ndata; d++) sum += pow((a->v[d] - a->measured[d]) / a->noise[d], 2);
  *misfit = sum;
  for (int k = 0; a->g && k < a->g->nsides; k++) {
    double d = x[a->g->side[k][0]] - x[a->g->side[k][1]], b = a->spec->beta;
    sum += a->spec->smooth * a->g->length[k] * (b > 0 ? sqrt(d * d + b * b) : d * d);
  }
  for (int i = 0; i < a->N; i++) sum += (i < a->n ? a->spec->pull : a->spec->pull_z) * pow(x[i] - a->start[i], 2);
  return sum;
}

/* Rows of derivatives by the unknowns, in units of noise. */
static void jacobian(fit *a) {
  int M = a->p->ndata;
  for (int k = 0; k < a->m->nelems; k++)
    for (int d = 0; d < M; d++) a->jt[(long)k * M + d] *= a->sigma[k] / a->noise[d];
  if (a->r) {
    eit_raster_jacobian(a->r, M, a->jt, a->j);
  } else {
    memset(a->j, 0, (size_t)M * sizeof *a->j);
    for (int k = 0; k < a->m->nelems; k++)
      for (int d = 0; d < M; d++) a->j[d] += a->jt[(long)k * M + d];
  }
  for (int l = 0; l < a->L; l++)
    for (int d = 0; d < M; d++) a->j[(long)(a->n + l) * M + d] = a->jz[(long)l * M + d] * a->z[l] / a->noise[d];
}

/* Adds the priors to the lower half of h and to the right-hand side. */
static void priors(fit *a) {
  int N = a->N;
  for (int k = 0; a->g && k < a->g->nsides; k++) {
    int i = a->g->side[k][0], j = a->g->side[k][1], hi = i > j ? i : j, lo = i > j ? j : i;
    double d = a->x[i] - a->x[j], b = a->spec->beta, w = a->spec->smooth * a->g->length[k];
    if (b > 0) w /= 2 * sqrt(d * d + b * b);
    a->h[(long)i * N + i] += w, a->h[(long)j * N + j] += w, a->h[(long)hi * N + lo] -= w;
    a->step[i] -= w * d, a->step[j] += w * d;
  }
  for (int i = 0; i < N; i++) {
    double w = i < a->n ? a->spec->pull : a->spec->pull_z;
    a->h[(long)i * N + i] += w;
    a->step[i] -= w * (a->x[i] - a->start[i]);
  }
}

static int direction(fit *a, err *e) {
  int M = a->p->ndata, N = a->N;
  if (eit_forward_jacobian(a->f, a->jt, a->L ? a->jz : NULL, e)) return e->code;
  jacobian(a);
  eit_transpose(N, M, a->j, a->t);
  dense_transposed(N, N, M, a->t, a->t, a->h);
  for (int i = 0; i < N; i++) {
    a->step[i] = 0;
    for (int d = 0; d < M; d++) a->step[i] += a->j[(long)i * M + d] * (a->measured[d] - a->v[d]) / a->noise[d];
  }
  priors(a);
  int info;
  LAPACK_ALONE(info, LAPACKE_dposv(LAPACK_ROW_MAJOR, 'L', N, 1, a->h, N, a->step, 1));
  return info ? err_set(e, ERR_RUN, "fit: the equations of %d unknowns are singular", N) : 0;
}

static int iterate(fit *a, eit_fit_result *result, err *e) {
  double misfit, now = goal(a, a->x, &misfit, e), tol = a->spec->tol > 0 ? a->spec->tol : 1e-4;
  int most = a->spec->most > 0 ? a->spec->most : 20;
  *result = (eit_fit_result){misfit, 0};
  if (e->code) return err_context(e, "fit at the start");
  while (result->iterations < most) {
    double length = 1, next = INFINITY;
    if (direction(a, e)) return e->code;
    for (int half = 0; half < 12; half++, length /= 2) {
      err no = {0};
      for (int i = 0; i < a->N; i++) a->trial[i] = a->x[i] + length * a->step[i];
      next = goal(a, a->trial, &misfit, &no);
      if (next < now) break;
    }
    if (!(next < now)) return goal(a, a->x, &misfit, e) < INFINITY ? 0 : e->code; /* no better point on the line */
    memcpy(a->x, a->trial, (size_t)a->N * sizeof *a->x);
    double change = fabs(result->misfit - misfit);
    result->misfit = misfit, result->iterations++, now = next;
    if (change <= tol * misfit) break;
  }
  return 0;
}

int eit_fit(eit_forward *f, const eit_mesh *m, const eit_protocol *p, const eit_raster *r, const eit_graph *g,
            const double *v, const double *noise, const eit_fit_spec *spec, double *s, double *z,
            eit_fit_result *result, err *e) {
  int n = r ? r->n : 1, L = spec->pull_z > 0 ? m->nelectrodes : 0;
  fit a = {.f = f, .m = m, .p = p, .r = r, .g = r ? g : NULL, .spec = spec, .measured = v, .n = n, .L = L, .N = n + L};
  if (a.g && a.g->n != n) return err_set(e, ERR_RUN, "fit: %d pixels, %d in the neighbourhood", n, a.g->n);
  int rc = open_fit(&a, noise, s, z, e);
  if (!rc) rc = iterate(&a, result, e);
  if (!rc) {
    memcpy(s, a.x, (size_t)n * sizeof *s);
    for (int l = 0; l < L; l++) z[l] = exp(a.x[n + l]);
  }
  close_fit(&a);
  return rc;
}
