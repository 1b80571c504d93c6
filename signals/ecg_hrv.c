/* ecg_hrv.c: ecg_hrv_of.
 *
 * Task Force of the ESC and NASPE, Circulation 93 (1996) 1043. Standard deviations with n - 1. SD1^2 = SDSD^2/2,
 * SD2^2 = 2 SDNN^2 - SD1^2. Bands: Lomb's periodogram of the intervals at their own times (Press et al., Numerical
 * Recipes, 13.8; Scargle, Astrophys. J. 263 (1982) 835) on a grid of 1/T up to .4 Hz; a tone of amplitude A has power
 * A^2/2 in its band. */
#include <math.h>
#include <stdlib.h>

#include "signals/ecg.h"

/* Power of x (n, mean 0) at times t around frequency f: half the squared amplitude of the best sinusoid. */
static double lomb(long n, const double *t, const double *x, double f) {
  double w = 6.283185307179586 * f, s2 = 0, c2 = 0, xc = 0, xs = 0, cc = 0, ss = 0;
  for (long i = 0; i < n; i++) s2 += sin(2 * w * t[i]), c2 += cos(2 * w * t[i]);
  double tau = atan2(s2, c2) / (2 * w);
  for (long i = 0; i < n; i++) {
    double c = cos(w * (t[i] - tau)), s = sin(w * (t[i] - tau));
    xc += x[i] * c, xs += x[i] * s, cc += c * c, ss += s * s;
  }
  return ((cc > 0 ? xc * xc / cc : 0) + (ss > 0 ? xs * xs / ss : 0)) / (double)n;
}

static void bands(long n, const double *t, const double *x, ecg_hrv *v) {
  double span = t[n - 1] - t[0] + v->mean;
  v->vlf = v->lf = v->hf = 0;
  for (long k = 1; (double)k / span <= .4 && 2 * k < n; k++) {
    double f = (double)k / span, p = f < .003 ? 0 : lomb(n, t, x, f);
    *(f < .04 ? &v->vlf : f < .15 ? &v->lf : &v->hf) += p;
  }
  v->lf_hf = v->lf / v->hf;
}

int ecg_hrv_of(long n, const double *time, ecg_hrv *v, err *e) {
  *v = (ecg_hrv){n > 0 ? n - 1 : 0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
  if (n < 3) return 0;
  long m = n - 1, large = 0;
  double *x = malloc((size_t)m * sizeof *x), square = 0, differences = 0, sum = 0;
  if (!x) return err_set(e, ERR_RUN, "no memory for %ld intervals", m);
  for (long i = 0; i < m; i++) {
    x[i] = time[i + 1] - time[i];
    if (!(x[i] > 0)) err_set(e, ERR_RUN, "beat %ld is no later than the one before", i + 1);
  }
  v->mean = (time[n - 1] - time[0]) / (double)m;
  for (long i = 0; i < m; i++) square += (x[i] - v->mean) * (x[i] - v->mean);
  for (long i = 1; i < m; i++) {
    double d = x[i] - x[i - 1];
    differences += d * d, sum += d, large += fabs(d) > .05;
  }
  double k = (double)(m - 1);
  v->sdnn = sqrt(square / k), v->rmssd = sqrt(differences / k), v->pnn50 = (double)large / k;
  v->sdsd = k > 1 ? sqrt((differences - sum * sum / k) / (k - 1)) : NAN;
  v->sd1 = v->sdsd / sqrt(2), v->sd2 = sqrt(fmax(0, 2 * v->sdnn * v->sdnn - v->sd1 * v->sd1));
  for (long i = 0; i < m; i++) x[i] -= v->mean;
  if (!e->code) bands(m, time + 1, x, v);
  free(x);
  return e->code;
}
