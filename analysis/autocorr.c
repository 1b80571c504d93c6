/* autocorr.c: autocorr: products directly (O(n tmax)) or the inverse transform of the power spectrum (Wiener-Khinchin).
 */
#include "analysis/autocorr.h"

#include <fftw3.h>
#include <string.h>

static void direct(int replicas, const long *length, const double *x, long tmax, double *sum) {
  for (int r = 0; r < replicas; x += length[r++])
    for (long t = 0; t <= tmax; t++) {
      double s = 0;
      for (long i = 0; i + t < length[r]; i++) s += x[i] * x[i + t];
      sum[t] += s;
    }
}

/* Every replica is padded to m >= length + tmax, so that no lag wraps around; spectra add. */
static int by_fft(int replicas, const long *length, const double *x, long tmax, double *sum, err *e) {
  long longest = 0, m = 1;
  for (int r = 0; r < replicas; r++) longest = length[r] > longest ? length[r] : longest;
  while (m < longest + tmax) m *= 2;
  size_t half = (size_t)m / 2 + 1;
  double *in = fftw_alloc_real((size_t)m);
  fftw_complex *out = fftw_alloc_complex(half), *power = fftw_alloc_complex(half);
  fftw_plan to = in && out ? fftw_plan_dft_r2c_1d((int)m, in, out, FFTW_ESTIMATE) : NULL;
  fftw_plan back = in && power ? fftw_plan_dft_c2r_1d((int)m, power, in, FFTW_ESTIMATE) : NULL;
  int ok = to && back;
  if (ok) memset(power, 0, half * sizeof *power);
  for (int r = 0; r < replicas && ok; x += length[r++]) {
    memset(in, 0, (size_t)m * sizeof *in);
    memcpy(in, x, (size_t)length[r] * sizeof *in);
    fftw_execute(to);
    for (size_t i = 0; i < half; i++) power[i][0] += out[i][0] * out[i][0] + out[i][1] * out[i][1];
  }
  if (ok) fftw_execute(back);
  for (long t = 0; t <= tmax && ok; t++) sum[t] += in[t] / (double)m;
  if (to) fftw_destroy_plan(to);
  if (back) fftw_destroy_plan(back);
  fftw_free(in), fftw_free(out), fftw_free(power);
  return ok ? 0 : err_set(e, ERR_RUN, "autocorrelation: no memory for a transform of %ld points", m);
}

int autocorr(int replicas, const long *length, const double *x, long tmax, double *gamma, err *e) {
  memset(gamma, 0, (size_t)(tmax + 1) * sizeof *gamma);
  double n = 0;
  for (int r = 0; r < replicas; n += (double)length[r++])
    if (tmax >= length[r]) return err_set(e, ERR_RUN, "autocorrelation: lag %ld of a series of %ld", tmax, length[r]);
  if (tmax <= 100)
    direct(replicas, length, x, tmax, gamma);
  else if (by_fft(replicas, length, x, tmax, gamma, e))
    return e->code;
  for (long t = 0; t <= tmax; t++) gamma[t] /= n - (double)replicas * (double)t;
  return 0;
}
