/* bridge.c: bridge_lnZ, bridge_bounds, bridge_mode_drop, bridge_joint.
 *
 * C. H. Bennett, J. Comput. Phys. 22 (1976) 245; Meng & Wong, Stat. Sinica 6 (1996) 831. For any n'_q, n'_p the root C
 * of n'_q mean_q a(lw - C) = n'_p mean_p b(lw - C),   a = sigma(lw - C - r), b = sigma(C + r - lw),  r = ln(n'_q/n'_p),
 * is consistent for lnZ (sigma the logistic function); best are the numbers of draws, with n'_p = n_p/(2 tau) for
 * correlated ones. ln of left over right falls strictly with C: one root, found by Newton inside a shrinking bracket.
 * Error by linearisation: [var_q(a)/(n_q abar^2) + 2 tau var_p(b)/(n_p bbar^2)]/slope^2. */
#include "analysis/bridge.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/gamma.h"
#include "analysis/jackknife.h"

/* Sums of sigma(x), its first and second derivative, and its square, x = +-(lw - centre). */
typedef struct side {
  double n, s0, s1, s2, square;
} side;

static double logistic(double x) {
  return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static side sums(long n, const double *lw, double centre, int sign) {
  side s = {.n = (double)n};
  for (long i = 0; i < n; i++) {
    double a = logistic(sign * (lw[i] - centre)), b = a * logistic(-sign * (lw[i] - centre));
    s.s0 += a, s.s1 += b, s.s2 += b * (1 - 2 * a), s.square += a * a;
  }
  return s;
}

static int checked(const bridge_data *d, err *e) {
  if (d->nq < 1 || d->np < 1) return err_set(e, ERR_RUN, "bridge: %ld draws from q and %ld from p", d->nq, d->np);
  for (long i = 0; i < d->nq; i++)
    if (!(d->lwq[i] < INFINITY)) return err_set(e, ERR_RUN, "bridge: draw %ld from q: log weight %g", i, d->lwq[i]);
  for (long i = 0; i < d->np; i++)
    if (!(d->lwp[i] > -INFINITY)) return err_set(e, ERR_RUN, "bridge: draw %ld from p: log weight %g", i, d->lwp[i]);
  return 0;
}

/* ln(left/right) at C, and minus its slope. */
static double imbalance(const bridge_data *d, double r, double C, double *slope) {
  side q = sums(d->nq, d->lwq, C + r, 1), p = sums(d->np, d->lwp, C + r, -1);
  *slope = q.s1 / q.s0 + p.s1 / p.s0;
  return r + log(q.s0 / q.n) - log(p.s0 / p.n);
}

/* Finite extremes of both sides: the root lies between them up to ln of the counts. */
static int extremes(const bridge_data *d, double *low, double *high) {
  *low = INFINITY, *high = -INFINITY;
  for (long i = 0; i < d->nq; i++)
    if (isfinite(d->lwq[i])) *low = fmin(*low, d->lwq[i]), *high = fmax(*high, d->lwq[i]);
  for (long i = 0; i < d->np; i++)
    if (isfinite(d->lwp[i])) *low = fmin(*low, d->lwp[i]), *high = fmax(*high, d->lwp[i]);
  return *low <= *high;
}

/* NaN where no draw of either side sees the other. */
static double root(const bridge_data *d, double r) {
  double low, high, slope;
  if (!extremes(d, &low, &high)) return NAN;
  double margin = fabs(r) + log((double)d->nq) + log((double)d->np) + 2;
  low -= margin, high += margin;
  double C = .5 * (low + high);
  for (int i = 0; i < 200; i++) {
    double g = imbalance(d, r, C, &slope);
    if (isnan(g)) return NAN;
    if (g > 0)
      low = C;
    else
      high = C;
    double next = C + g / slope;
    if (!(next >= low && next <= high)) next = .5 * (low + high);
    double moved = fabs(next - C);
    C = next;
    if (moved <= 1e-14 * fmax(1, fabs(C))) break;
  }
  return C;
}

/* tau of the series h(lw) of the p draws, .5 where the caller says so or the chain is too short to tell. */
static int tau_of(const bridge_data *d, double centre, double (*h)(double lw, double centre), double *tau, err *e) {
  *tau = d->tau > 0 ? d->tau : .5;
  if (d->tau > 0) return 0;
  double *x = malloc((size_t)d->np * sizeof *x);
  if (!x) return err_set(e, ERR_RUN, "bridge: no memory for %ld draws", d->np);
  for (long i = 0; i < d->np; i++) x[i] = h(d->lwp[i], centre);
  gamma_result r;
  int rc = gamma_series(d->np, x, &r, e);
  free(x);
  if (!rc && r.tau > .5) *tau = r.tau;
  return rc;
}

static double meeting(double lw, double centre) {
  return logistic(centre - lw);
}

int bridge_lnZ(const bridge_data *d, bridge_result *out, err *e) {
  *out = (bridge_result){NAN, NAN, NAN, 0, "no overlap between draws from q and from p"};
  if (checked(d, e)) return e->code;
  double tau = d->tau > 0 ? d->tau : .5, r = log((double)d->nq / (double)d->np * 2 * tau), C = root(d, r);
  if (isnan(C)) return 0;
  if (!(d->tau > 0)) { /* weigh the sides by independent draws, now that tau can be measured */
    if (tau_of(d, C + r, meeting, &tau, e)) return e->code;
    r += log(2 * tau);
    C = root(d, r);
    if (isnan(C)) return 0;
    if (tau_of(d, C + r, meeting, &tau, e)) return e->code;
  }
  side q = sums(d->nq, d->lwq, C + r, 1), p = sums(d->np, d->lwp, C + r, -1);
  double slope = q.s1 / q.s0 + p.s1 / p.s0;
  double vq = (q.square * q.n / (q.s0 * q.s0) - 1) / q.n, vp = 2 * tau * (p.square * p.n / (p.s0 * p.s0) - 1) / p.n;
  out->lnZ = C, out->tau = tau;
  out->error = sqrt(fmax(0, vq + vp)) / slope;
  out->overlap = q.s1 + p.s1 / (2 * tau);
  out->reason = out->overlap < 25 ? "too few draws in the overlap of q and p" : NULL;
  return 0;
}

static double itself(double lw, double centre) {
  return lw - centre;
}

static void mean_and_variance(long n, const double *x, double *mean, double *var) {
  double m = 0, s = 0;
  for (long i = 0; i < n; i++) {
    double dx = x[i] - m;
    m += dx / (double)(i + 1), s += dx * (x[i] - m);
  }
  *mean = m, *var = n > 1 ? s / (double)(n - 1) : NAN;
}

int bridge_bounds(const bridge_data *d, bridge_bracket *b, err *e) {
  if (checked(d, e)) return e->code;
  int legal = 1, reached = 1;
  double var, tau = .5;
  for (long i = 0; i < d->nq; i++) legal &= d->lwq[i] > -INFINITY;
  for (long i = 0; i < d->np; i++) reached &= d->lwp[i] < INFINITY;
  *b = (bridge_bracket){-INFINITY, NAN, INFINITY, NAN};
  if (legal) {
    mean_and_variance(d->nq, d->lwq, &b->lower, &var);
    b->lower_error = sqrt(var / (double)d->nq);
  }
  if (!reached) return 0;
  mean_and_variance(d->np, d->lwp, &b->upper, &var);
  if (tau_of(d, b->upper, itself, &tau, e)) return e->code;
  b->upper_error = sqrt(2 * tau * var / (double)d->np);
  return 0;
}

static double inverse_weight(double lw, double centre) {
  return exp(centre - lw);
}

/* ln mean exp(sign lw) and the error of that logarithm for independent draws. */
static double log_mean(long n, const double *lw, int sign, double *max, double *error) {
  double s = 0, s2 = 0;
  *max = -INFINITY;
  for (long i = 0; i < n; i++) *max = fmax(*max, sign * lw[i]);
  for (long i = 0; i < n && isfinite(*max); i++) {
    double w = exp(sign * lw[i] - *max);
    s += w, s2 += w * w;
  }
  *error = n > 1 && s > 0 ? sqrt(fmax(0, s2 * (double)n / (s * s) - 1) / (double)(n - 1)) : NAN;
  return s > 0 ? *max + log(s / (double)n) : -INFINITY;
}

int bridge_mode_drop(const bridge_data *d, bridge_ratio *r, err *e) {
  double max, tau;
  if (checked(d, e)) return e->code;
  r->lnZ_q = log_mean(d->nq, d->lwq, 1, &max, &r->lnZ_q_error);
  r->lnZ_p = -log_mean(d->np, d->lwp, -1, &max, &r->lnZ_p_error);
  if (isfinite(max)) {
    if (tau_of(d, -max, inverse_weight, &tau, e)) return e->code;
    r->lnZ_p_error *= sqrt(2 * tau);
  }
  r->ratio = exp(r->lnZ_q - r->lnZ_p);
  r->ratio_error = r->ratio * hypot(r->lnZ_q_error, r->lnZ_p_error);
  return 0;
}

static long cut(long n, int j, int blocks) {
  return n * j / blocks;
}

/* The root without some draws, relative to the root C of all of them: Newton on the second-order expansion of
 * G(C + x) = e^r mean_q a - mean_p b. */
static double shifted_root(side q, side p, double r) {
  double f = exp(r), g0 = f * q.s0 / q.n - p.s0 / p.n, x = 0;
  double g1 = -f * q.s1 / q.n - p.s1 / p.n, g2 = f * q.s2 / q.n - p.s2 / p.n;
  for (int i = 0; i < 8; i++) x -= (g0 + x * (g1 + .5 * x * g2)) / (g1 + x * g2);
  return x;
}

static side without(side all, side part) {
  return (side){all.n - part.n, all.s0 - part.s0, all.s1 - part.s1, all.s2 - part.s2, all.square - part.square};
}

/* lnZ without block j, for all j, into x[j * stride]. */
static void lnZ_without(const bridge_data *d, double C, double r, int blocks, double *x, int stride) {
  side q = sums(d->nq, d->lwq, C + r, 1), p = sums(d->np, d->lwp, C + r, -1);
  for (int j = 0; j < blocks; j++) {
    long fq = cut(d->nq, j, blocks), fp = cut(d->np, j, blocks);
    side bq = sums(cut(d->nq, j + 1, blocks) - fq, d->lwq + fq, C + r, 1);
    side bp = sums(cut(d->np, j + 1, blocks) - fp, d->lwp + fp, C + r, -1);
    x[j * stride] = C + shifted_root(without(q, bq), without(p, bp), r);
  }
}

int bridge_joint(const bridge_data *d, int k, const double *g, int blocks, int nf, const stat_fn *const *f,
                 const void *ctx, stat_value *v, double *cov, err *e) {
  bridge_result b;
  int width = k + 1;
  if (bridge_lnZ(d, &b, e)) return e->code;
  if (k < 0 || width > STAT_MAX || blocks < 2 || d->nq < blocks || d->np < blocks)
    return err_set(e, ERR_RUN, "bridge: %d observables, %d blocks of %ld and %ld draws", k, blocks, d->nq, d->np);
  double *x = malloc((size_t)blocks * (size_t)(width + 1) * sizeof *x), mean[STAT_MAX]; /* (blocks, width) and m */
  if (!x) return err_set(e, ERR_RUN, "bridge: no memory for %d blocks", blocks);
  double *m = x + blocks * width, r = log((double)d->nq / (double)d->np * 2 * b.tau);
  jackknife_set set = {d->np, k, g};
  jackknife_means(&set, blocks, mean, x, width);
  mean[k] = isnan(b.lnZ) ? NAN : root(d, r);
  for (int j = 0; j < blocks; j++) m[j] = (double)(cut(d->np, j + 1, blocks) - cut(d->np, j, blocks));
  lnZ_without(d, mean[k], r, blocks, x + k, width);
  int rc = jackknife_apply(blocks, m, width, mean, x, nf, f, ctx, v, cov, e);
  free(x);
  return rc;
}
