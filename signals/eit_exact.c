/* eit_exact.c: eit_exact_trig, eit_exact_gap, eit_exact_complete, eit_exact_point.
 *
 * Separation of variables: u_k = N_k j_k,  N_k = (R/(sigma0 k)) (1 + mu rho^2k)/(1 - mu rho^2k),
 * mu = (sigma0 - sigma1)/(sigma0 + sigma1). With x = (theta - theta_l)/alpha the current density under electrode l is
 * sum_m c_lm P_m(x); int_-1^1 P_m(x) e^{ikx alpha} dx = 2 i^m j_m(k alpha) with spherical Bessel functions, hence
 * Galerkin:
 *
 *   sum_{l'm'} G_mm'(l - l') c_l'm' + z (2 alpha/(2m+1)) c_lm = 2 alpha U_l delta_m0,   2 alpha R c_l0 = I_l
 *   G_mm'(d) = sum_k N_k/pi 4 alpha^2 j_m(k alpha) j_m'(k alpha) Re[i^(m-m') e^{ik d 2 pi/n}].
 *
 * One Legendre polynomial and z = 0 is the gap model. */
#include "signals/eit_exact.h"

#include <gsl/gsl_sf_bessel.h>
#include <math.h>
#include <stdlib.h>

#include "base/lapack.h"

#define PI 3.14159265358979323846
enum { SERIES = 60000 };

double eit_exact_trig(const eit_disk *d, int k) {
  double mu = (d->sigma0 - d->sigma1) / (d->sigma0 + d->sigma1), q = mu * pow(d->rho, 2. * k);
  return d->R / (d->sigma0 * k) * (1 + q) / (1 - q);
}

/* g (n, K, K): G for each difference of electrodes. */
static void kernel(const eit_disk *disk, int n, double alpha, int K, double *g) {
  static const double quarter[4] = {1, 0, -1, 0}; /* Re i^p */
  double j[64];
  for (long i = 0; i < (long)n * K * K; i++) g[i] = 0;
  for (int k = 1; k <= SERIES; k++) {
    gsl_sf_bessel_jl_array(K - 1, k * alpha, j);
    double w = eit_exact_trig(disk, k) / PI * 4 * alpha * alpha;
    for (int d = 0; d < n; d++) {
      double t = 2 * PI * (double)((long)k * d % n) / n, c = cos(t), s = sin(t);
      for (int m = 0; m < K; m++)
        for (int q = 0; q < K; q++) { /* Re[i^p e^it] = Re i^p cos t - Im i^p sin t */
          int p = (m - q + 64) % 4;
          g[((long)d * K + m) * K + q] += w * j[m] * j[q] * (quarter[p] * c + quarter[(p + 1) % 4] * s);
        }
    }
  }
}

/* The unknown coefficients c (n, K), of which m = 0 are given. */
static int coefficients(int n, double alpha, double R, double z, int K, const double *g, const double *current,
                        double *c) {
  int N = n * (K - 1), info = 0;
  double *a = malloc((size_t)N * (size_t)N * sizeof *a + 8), *b = malloc((size_t)N * sizeof *b + 8);
  lapack_int *pivot = malloc((size_t)N * sizeof *pivot + 8);
  for (int l = 0; l < n; l++) c[l * K] = current[l] / (2 * alpha * R);
  if (!a || !b || !pivot) info = -1;
  for (int r = 0; r < N && !info; r++) {
    int l = r / (K - 1), m = r % (K - 1) + 1;
    b[r] = 0;
    for (int p = 0; p < n; p++) b[r] -= g[((long)((l - p + n) % n) * K + m) * K] * c[p * K];
    for (int s = 0; s < N; s++) {
      int p = s / (K - 1), q = s % (K - 1) + 1;
      a[(long)r * N + s] = g[((long)((l - p + n) % n) * K + m) * K + q] + (r == s ? z * 2 * alpha / (2 * m + 1) : 0);
    }
  }
  if (!info && N) LAPACK_ALONE(info, LAPACKE_dgesv(LAPACK_ROW_MAJOR, N, 1, a, N, pivot, b, 1));
  for (int r = 0; r < N && !info; r++) c[r / (K - 1) * K + r % (K - 1) + 1] = b[r];
  free(a), free(b), free(pivot);
  return info;
}

int eit_exact_complete(const eit_disk *d, int n, double alpha, double z, int terms, const double *current, double *U,
                       err *e) {
  int K = terms;
  double sum = 0, size = 0, mean = 0;
  for (int l = 0; l < n; l++) sum += current[l], size += fabs(current[l]);
  if (!(fabs(sum) <= 1e-9 * size)) return err_set(e, ERR_RUN, "disk: the currents sum to %g instead of 0", sum);
  if (n < 2 || K < 1 || K > 64 || !(alpha > 0 && alpha < PI / n) || !(d->R > 0 && d->sigma0 > 0 && d->sigma1 >= 0))
    return err_set(e, ERR_RUN, "disk: %d electrodes of half angle %g, %d terms", n, alpha, K);
  double *g = malloc((size_t)n * (size_t)K * (size_t)K * sizeof *g), *c = calloc((size_t)n * (size_t)K, sizeof *c);
  if (!g || !c) {
    free(g), free(c);
    return err_set(e, ERR_RUN, "disk: no memory for %d electrodes", n);
  }
  kernel(d, n, alpha, K, g);
  int info = coefficients(n, alpha, d->R, z, K, g, current, c);
  for (int l = 0; l < n && !info; l++) {
    U[l] = z * c[l * K];
    for (int p = 0; p < n; p++)
      for (int q = 0; q < K; q++) U[l] += g[(long)((l - p + n) % n) * K * K + q] * c[p * K + q] / (2 * alpha);
    mean += U[l] / n;
  }
  for (int l = 0; l < n; l++) U[l] -= mean;
  free(g), free(c);
  return info ? err_set(e, ERR_RUN, "disk: the system of %d terms is singular", K) : 0;
}

int eit_exact_gap(const eit_disk *d, int n, double alpha, const double *current, double *U, err *e) {
  return eit_exact_complete(d, n, alpha, 0, 1, current, U, e);
}

double eit_exact_point(const eit_disk *d, double p, double q, double k, double l) {
  return log(fabs(sin((p - l) / 2) * sin((q - k) / 2) / (sin((p - k) / 2) * sin((q - l) / 2)))) / (PI * d->sigma0);
}
