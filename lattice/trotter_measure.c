/* trotter_measure.c: weights and observables of a Trotterised chain: trotter_weigh, trotter_allowed, trotter_type,
 * trotter_count, trotter_mag, trotter_staggered, trotter_lnW, trotter_measure; chain_unknown, chain_derive,
 * trotter_estimate.
 *
 * With lnW = a beta + ln cosh(b beta) or a beta + ln sinh(b beta), K = b beta (Cullen & Landau, Phys. Rev. B 27 (1983)
 * 297):
 *   cosh:  F = -a - (K/beta) tanh K,   G = -(K/beta)^2 sech^2 K
 *   sinh:  F = -a - (K/beta) coth K,   G = +(K/beta)^2 csch^2 K        (K -> 0: F = -a - 1/beta, G = 1/beta^2)
 * E = <F>, C/beta^2 = <F^2> - <F>^2 - <G>. */
#include <math.h>

#include "lattice/trotter.h"

/* One type: ln of exp(sign K0) times cosh K or sinh K, without overflow at large and with all digits at small K. */
static void weigh(trotter_weights *w, int type, double K0, double K, bool is_sinh, double beta) {
  double tail = exp(-2 * K), a = K0 / beta;
  if (is_sinh && K == 0) {
    w->lnW[type] = -INFINITY, w->F[type] = w->G[type] = 0;
  } else if (is_sinh) {
    double over = K < 300 ? K / sinh(K) : 0; /* K csch K */
    w->lnW[type] = K0 + K + log(-expm1(-2 * K) / 2);
    w->F[type] = -a - K / tanh(K) / beta;
    w->G[type] = over * over / (beta * beta);
  } else {
    double over = K < 300 ? K / cosh(K) : 0;
    w->lnW[type] = K0 + K + log1p(tail) - M_LN2;
    w->F[type] = -a - K * tanh(K) / beta;
    w->G[type] = -over * over / (beta * beta);
  }
}

trotter_weights trotter_weigh(const trotter *t, double beta) {
  double by = beta / (2 * t->rows);
  trotter_weights w = {.K0 = by * t->J[2], .Kp = by * fabs(t->J[0] + t->J[1]), .Km = by * fabs(t->J[0] - t->J[1])};
  weigh(&w, TROTTER_PARALLEL, w.K0, w.Km, false, beta);
  weigh(&w, TROTTER_STRAIGHT, -w.K0, w.Kp, false, beta);
  weigh(&w, TROTTER_CROSSING, -w.K0, w.Kp, true, beta);
  weigh(&w, TROTTER_FLIP, w.K0, w.Km, true, beta);
  w.lnW[TROTTER_ILLEGAL] = -INFINITY;
  return w;
}

bool trotter_allowed(const trotter *t, int type) {
  return t->w.lnW[type] > -INFINITY;
}

int trotter_type(int tl, int tr, int bl, int br) {
  if (tl * tr * bl * br < 0) return TROTTER_ILLEGAL;
  if (tl == tr) return tl == bl ? TROTTER_PARALLEL : TROTTER_FLIP;
  return tl == bl ? TROTTER_STRAIGHT : TROTTER_CROSSING;
}

void trotter_count(const trotter *t, const int8_t *s, int count[TROTTER_TYPES]) {
  int pair[8] = {0}; /* by tl != tr, tl != bl, tl != br */
  for (int p = 0; p < t->nplaquettes; p++) {
    const int *c = t->corner[p], tl = s[c[0]];
    pair[(tl != s[c[1]]) | (tl != s[c[2]]) << 1 | (tl != s[c[3]]) << 2]++;
  }
  count[TROTTER_PARALLEL] = pair[0];
  count[TROTTER_STRAIGHT] = pair[1 | 4];
  count[TROTTER_CROSSING] = pair[1 | 2];
  count[TROTTER_FLIP] = pair[2 | 4];
  count[TROTTER_ILLEGAL] = pair[1] + pair[2] + pair[4] + pair[1 | 2 | 4];
}

double trotter_mag(const trotter *t, const int8_t *s) {
  long sum = 0;
  for (int i = 0; i < t->n; i++) sum += s[i];
  return (double)sum / (2. * t->rows);
}

double trotter_staggered(const trotter *t, const int8_t *s) {
  long sum = 0;
  for (int i = 0; i < t->n; i += 2) sum += s[i] - s[i + 1]; /* N is even */
  return (double)sum / (2. * t->rows);
}

/* sum count_a x_a over the types that occur: 0 times -inf is nothing. */
static double total(const int count[TROTTER_TYPES], const double x[TROTTER_TYPES]) {
  double sum = 0;
  for (int a = 0; a < TROTTER_TYPES; a++)
    if (count[a]) sum += count[a] * x[a];
  return sum;
}

double trotter_lnW(const trotter *t, const int8_t *s) {
  int count[TROTTER_TYPES];
  trotter_count(t, s, count);
  double lnW = total(count, t->w.lnW);
  return t->field == 0 ? lnW : lnW + t->beta * t->field * trotter_mag(t, s);
}

void trotter_measure(const trotter *t, const int8_t *s, double obs[TROTTER_NOBS]) {
  int count[TROTTER_TYPES];
  trotter_count(t, s, count);
  obs[TROTTER_M] = trotter_mag(t, s);
  obs[TROTTER_MST] = trotter_staggered(t, s);
  obs[TROTTER_F] = total(count, t->w.F) - t->field * obs[TROTTER_M];
  obs[TROTTER_G] = total(count, t->w.G);
}

/* ---- thermodynamics ---- */
chain_thermo chain_unknown(void) {
  return (chain_thermo){NAN, NAN, NAN, NAN, NAN, NAN, NAN};
}

chain_thermo chain_derive(double n, double beta, double lnZ, double d1, double d2, double u1, double u2) {
  return (chain_thermo){.lnZ = lnZ,
                        .f = -lnZ / (beta * n),
                        .e = -d1 / n,
                        .c = beta * beta * d2 / n,
                        .s = (lnZ - beta * d1) / n,
                        .m = u1 / n,
                        .chi = beta * u2 / n};
}

chain_thermo trotter_estimate(const trotter *t, const double mean[5], double lnZ) {
  double F = mean[0], M = mean[3];
  return chain_derive(t->sites, t->beta, lnZ, -F, mean[1] - F * F - mean[2], M, mean[4] - M * M);
}
