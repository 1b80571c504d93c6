/* eit_noise.c: eit_noise_add. A datum has the gains of the electrodes that it drives and of those that it reads; as
 * these differ, reciprocity is broken as in real machines. */
#include <math.h>

#include "signals/eit_patient.h"

enum { MAX = 128, WHITE = 1 << 20 };

typedef struct amplifiers {
  double source[MAX], gain[MAX]; /* relative errors: fixed; of the frame */
} amplifiers;

static double combined(const eit_protocol *p, int vector, const double *g) {
  const double *w = p->vector + (long)vector * p->nelectrodes;
  double sum = 0, size = 0;
  for (int l = 0; l < p->nelectrodes; l++) sum += fabs(w[l]) * g[l], size += fabs(w[l]);
  return sum / size;
}

/* The change of each amplifier's gain by pops: events of one electrode with an exponential end. */
static void pops(const eit_noise *n, rng r, uint64_t who, int L, double rate, int frame, double *gain) {
  int memory = (int)(5 * rate); /* frames that an event is felt */
  for (int t = frame - memory < 0 ? 0 : frame - memory; t <= frame; t++) {
    if (rng_uniform(r, who, (uint32_t)t, 0) >= n->pops / 60 / rate) continue;
    int l = (int)(rng_uniform(r, who, (uint32_t)t, 1) * L);
    gain[l] += .05 * rng_normal(r, who, (uint32_t)t, 2) * exp(-(frame - t) / rate);
  }
}

static double rms(long n, const double *v) {
  double s = 0;
  for (long i = 0; i < n; i++) s += v[i] * v[i];
  return sqrt(s / (double)n);
}

void eit_noise_add(const eit_noise *n, const eit_protocol *p, double rate, uint32_t seed, int64_t index, int nframes,
                   double *v) {
  rng r = rng_stream(seed, "eit noise"), q = rng_stream(seed, "eit pops");
  uint64_t who = (uint64_t)index;
  int L = p->nelectrodes < MAX ? p->nelectrodes : MAX;
  double walk[MAX] = {0},
         white = n->additive_db > 0 ? rms((long)nframes * p->ndata, v) * pow(10, -n->additive_db / 20) : 0;
  amplifiers a;
  for (int l = 0; l < L; l++) a.source[l] = n->gain * rng_normal(r, who, WHITE, (uint32_t)l);
  for (int t = 0; t < nframes; t++) {
    for (int l = 0; l < L; l++) {
      walk[l] += n->drift / sqrt(rate) * rng_normal(r, who, (uint32_t)t, (uint32_t)(WHITE + l));
      a.gain[l] = n->gain * rng_normal(r, who, WHITE + 1, (uint32_t)l) + walk[l];
    }
    if (n->pops > 0) pops(n, q, who, L, rate, t, a.gain);
    for (int i = 0; i < p->ndata; i++) {
      double *x = v + (long)t * p->ndata + i, g = combined(p, p->drive[i], a.source) + combined(p, p->meas[i], a.gain);
      g += n->multiplicative * rng_normal(r, who, (uint32_t)t, (uint32_t)(2 * i));
      *x = *x * (1 + g) + white * rng_normal(r, who, (uint32_t)t, (uint32_t)(2 * i + 1));
    }
  }
}
