/* ar_emit.c: whole configurations from drawn variables, and back (see ar.h). */
#include <string.h>

#include "samplers/ar.h"

static void transform(const ar *a, int g, const int8_t *in, int8_t *out) {
  const int *perm = a->g->site + (size_t)g * a->sites;
  for (int i = 0; i < a->sites; i++) out[i] = (int8_t)(a->g->sign[g] * in[perm[i]]);
}

void ar_emit(const ar *a, ar_worker *w, const ar_frames *f, double beta, rng r, long shard, unsigned step, int8_t *s,
             double *lnq_rest) {
  int S = a->lanes, N = a->sites;
  uint64_t first = (uint64_t)shard * (uint64_t)S;
  const nn_real *x = f->f[0]->value[0];
  for (int i = 0; i < S; i++) lnq_rest[i] = 0;
  for (int t = 0; t < a->n; t++)
    for (int i = 0; i < S; i++) {
      int8_t u = (int8_t)x[(size_t)t * S + i];
      s[(size_t)i * N + a->site[t]] = (int8_t)(a->sign ? a->sign[t] * u : u);
    }
  if (a->model->rest) a->model->rest(a->self, x, beta, r, first, step, S, s, lnq_rest);
  if (a->g->size == 1 && !a->conf.gauge) return;
  for (int i = 0; i < S; i++) {
    double u = rng_uniform(r, first + (uint64_t)i, step, (unsigned)N);
    int8_t *c = s + (size_t)i * N;
    if (a->conf.gauge) {
      for (int k = 0; k < N && u < 0.5; k++) c[k] = (int8_t)-c[k];
      continue;
    }
    memcpy(w->config, c, (size_t)N);
    transform(a, (int)(u * a->g->size), w->config, c);
  }
}

void ar_fill(const ar *a, const ar_frames *f, const int8_t *s) {
  int S = a->lanes;
  for (int t = 0; t < a->n; t++)
    for (int i = 0; i < S; i++)
      f->f[0]->value[0][(size_t)t * S + i] =
          (nn_real)(s[(size_t)i * a->sites + a->site[t]] * (a->sign ? a->sign[t] : 1));
}
