/* exact_trotter_enumerate.c: exact_trotter_enumerate: sums over all configurations of the eight-vertex model that obey
 * the parity rule: 2^(mN+1) of the 2^(2mN), one for each choice of the free spins (Lieb & Wu, in Domb & Green, Phase
 * Transitions and Critical Phenomena 1 (1972) 331). */
#include <math.h>
#include <stdlib.h>

#include "lattice/exact_trotter.h"

enum { FREE_MAX = 24 };

typedef struct sums {
  double top;                     /* largest lnW so far */
  long double w, F, FF, G, M, MM; /* of exp(lnW - top) and times the observables */
} sums;

static void add(sums *a, const trotter *t, const int8_t *s) {
  double lnW = trotter_lnW(t, s), o[TROTTER_NOBS];
  if (!(lnW > -INFINITY)) return;
  if (lnW > a->top) {
    long double by = expl((long double)a->top - lnW);
    a->w *= by, a->F *= by, a->FF *= by, a->G *= by, a->M *= by, a->MM *= by;
    a->top = lnW;
  }
  trotter_measure(t, s, o);
  long double p = expl((long double)lnW - a->top), F = o[TROTTER_F], M = o[TROTTER_M];
  a->w += p, a->F += p * F, a->FF += p * F * F, a->G += p * o[TROTTER_G], a->M += p * M, a->MM += p * M * M;
}

int exact_trotter_enumerate(chain_thermo *x, const trotter *t, err *e) {
  *x = chain_unknown();
  if (t->nfree > FREE_MAX) return err_set(e, ERR_RUN, "enumeration of %d free spins: at most %d", t->nfree, FREE_MAX);
  int8_t *s = malloc((size_t)t->n);
  int(*from)[3] = malloc((size_t)t->n * sizeof *from);
  sums a = {.top = -INFINITY};
  if (!s || !from) err_set(e, ERR_RUN, "no memory for an enumeration");
  if (!e->code && !trotter_dependents(t, NULL, from, e))
    for (long c = 0; c < 1L << t->nfree; c++) {
      long bits = c;
      for (int i = 0; i < t->n; i++)
        if (from[i][0] < 0) s[i] = bits & 1 ? -1 : 1, bits >>= 1;
      trotter_complete(t, NULL, from, s);
      add(&a, t, s);
    }
  double mean[5] = {(double)(a.F / a.w), (double)(a.FF / a.w), (double)(a.G / a.w), (double)(a.M / a.w),
                    (double)(a.MM / a.w)};
  if (!e->code) *x = trotter_estimate(t, mean, a.top + (double)logl(a.w));
  free(s), free(from);
  return e->code;
}
