/* hippo.c: HiPPO-LegS and the diagonal starts (see hippo.h).
 *
 * A_nk = -sqrt((2n+1)(2k+1)) below the diagonal, -(n+1) on it; B_n = sqrt(2n+1); with P_n = sqrt(n+1/2) the sum A + P
 * P^T is -1/2 plus a skew matrix S, and -i S is Hermitian: its eigenvectors V diagonalise the normal part. */
#include "nn/hippo.h"

#include <math.h>
#include <stdlib.h>

#include "base/lapack.h"

/* One mode: b = v^H B and p = v^H P with the phase of v that makes b positive. */
static void project(int N, const double complex *v, double complex *b, double complex *p) {
  double complex vb = 0, vp = 0;
  for (int k = 0; k < N; k++) vb += conj(v[k]) * sqrt(2 * k + 1.), vp += conj(v[k]) * sqrt(k + .5);
  double complex turn = conj(vb) / cabs(vb);
  if (b) *b = turn * vb;
  if (p) *p = turn * vp;
}

int nn_hippo_legs(int n, double *w, double complex *b, double complex *p, err *e) {
  int N = 2 * n;
  double complex *H = malloc(sizeof *H * (size_t)N * N);
  double *all = malloc(sizeof *all * (size_t)N);
  int bad = !H || !all;
  for (int j = 0; j < N && !bad; j++) /* columns of -i S, S_jk = -sqrt((2j+1)(2k+1))/2 below the diagonal */
    for (int k = 0; k < N; k++) H[k * N + j] = (j > k ? I : j < k ? -I : 0) * sqrt((j + .5) * (k + .5));
  if (!bad) LAPACK_ALONE(bad, LAPACKE_zheev(LAPACK_COL_MAJOR, 'V', 'U', N, H, N, all));
  if (bad) {
    free(H), free(all);
    return err_set(e, ERR_RUN, "HiPPO matrix of %d states: no eigenvalues", N);
  }
  for (int m = 0; m < n; m++) {
    w[m] = all[n + m];
    project(N, H + (size_t)(n + m) * N, b ? b + m : NULL, p ? p + m : NULL);
  }
  free(H), free(all);
  return 0;
}

int nn_hippo_diagonal(nn_s4d_start start, int n, double complex *a, double complex *b, err *e) {
  for (int m = 0; m < n; m++) b[m] = 1;
  double *w = malloc(sizeof *w * (size_t)n);
  if (!w) return err_set(e, ERR_RUN, "out of memory");
  int fail = start == NN_S4D_LEGS ? nn_hippo_legs(n, w, b, NULL, e) : 0;
  for (int m = 0; m < n && !fail; m++) {
    if (start == NN_S4D_LIN) w[m] = M_PI * m;
    if (start == NN_S4D_INV) w[m] = 2 * n / M_PI * (2 * n / (2 * m + 1.) - 1);
    a[m] = -0.5 + I * w[m];
  }
  free(w);
  return fail;
}

/* The real form: Lambda couples the two parts of a mode, p p^H all of them through 2 Re(conj(p) x). */
static void real_form(int n, const double *w, const double complex *p, double *A) {
  int N = 2 * n;
  for (int j = 0; j < N; j++)
    for (int k = 0; k < N; k++) {
      int a = j % n, c = k % n;
      double pj = j < n ? creal(p[a]) : cimag(p[a]), pk = k < n ? creal(p[c]) : cimag(p[c]);
      double normal = a != c ? 0 : j == k ? -0.5 : j < n ? -w[a] : w[a];
      A[j * N + k] = normal - 2 * pj * pk;
    }
}

int nn_hippo_bilinear(int n, const double *w, const double complex *b, const double complex *p, double dt, double *Z,
                      double *B, err *e) {
  int N = 2 * n;
  double *left = malloc(sizeof *left * (size_t)N * N), *right = malloc(sizeof *right * (size_t)N * (N + 1));
  lapack_int *pivot = malloc(sizeof *pivot * (size_t)N);
  int bad = !left || !right || !pivot;
  if (!bad) real_form(n, w, p, Z);
  for (int j = 0; j < N && !bad; j++) {
    for (int k = 0; k < N; k++) {
      left[j * N + k] = (j == k) - dt / 2 * Z[j * N + k];
      right[j * (N + 1) + k] = (j == k) + dt / 2 * Z[j * N + k];
    }
    right[j * (N + 1) + N] = dt * (j < n ? creal(b[j]) : cimag(b[j - n]));
  }
  if (!bad) LAPACK_ALONE(bad, LAPACKE_dgesv(LAPACK_ROW_MAJOR, N, N + 1, left, N, pivot, right, N + 1));
  for (int j = 0; j < N && !bad; j++) {
    for (int k = 0; k < N; k++) Z[j * N + k] = right[j * (N + 1) + k];
    B[j] = right[j * (N + 1) + N];
  }
  free(left), free(right), free(pivot);
  return bad ? err_set(e, ERR_RUN, "HiPPO matrix of %d states: no bilinear step %g", N, dt) : 0;
}

double nn_hippo_dt(double least, double most, int h, int H) {
  return least * pow(most / least, (h + 0.5) / H);
}

/* e^l - 1 without loss for small l. */
static double complex expm1_of(double complex l) {
  double x = creal(l), y = cimag(l), half = sin(y / 2);
  return expm1(x) * cos(y) - 2 * half * half + I * exp(x) * sin(y);
}

nn_zoh nn_zoh_of(double complex a, double dt) {
  double complex less = expm1_of(dt * a);
  return (nn_zoh){a, 1 + less, less / a, dt};
}

void nn_zoh_back(const nn_zoh *q, double complex dlog, double complex dphi, double complex *da, double *dlog_dt) {
  *da = q->dt * dlog + conj((q->dt * q->z - q->phi) / q->a) * dphi;
  *dlog_dt = q->dt * creal(conj(dlog) * q->a + conj(dphi) * q->z);
}
