/* yukawa_oracle.c: maximum likelihood for kappa (see yukawa_train.h). <T>_kappa at each node is the value of a parabola
 * fitted to the configurations around it with weights 1 - u^2, u = (kappa - node)/h; Var T that of the residues. h is
 * two nodes, or what holds five kappas and 200 configurations. */
#include <math.h>
#include <string.h>

#include "apps/yukawa_train.h"

enum { KAPPAS = 5, ENOUGH = 200, TERMS = 3 };

/* How many different kappas (neighbours in the run) and configurations lie within h of a node. */
static bool enough(const yukawa_data *y, double node, double h) {
  double last = NAN;
  long kappas = 0, n = 0;
  for (long c = 0; c < y->chains; c++) {
    if (fabs(y->kappa[c] - node) >= h) continue;
    kappas += y->kappa[c] != last, n += y->per;
    last = y->kappa[c];
  }
  return kappas >= KAPPAS && (n >= ENOUGH || n == y->n);
}

/* A x = b in place; false where a pivot vanishes. */
static bool solve(double A[TERMS][TERMS + 1]) {
  for (int k = 0; k < TERMS; k++) {
    if (!(fabs(A[k][k]) > 1e-12)) return false;
    for (int i = 0; i < TERMS; i++) {
      double q = i == k ? 0 : A[i][k] / A[k][k];
      for (int j = k; j <= TERMS; j++) A[i][j] -= q * A[k][j];
    }
  }
  return true;
}

/* The parabola around node j, and the mean square of what it leaves. */
static bool node(const yukawa_data *y, double at, double h, double *T, double *variance) {
  double A[TERMS][TERMS + 1] = {{0}}, sum = 0, square = 0, T0 = 0;
  for (int pass = 0; pass < 3; pass++) { /* a mean to subtract, the fit, the residues */
    for (long i = 0; i < y->n; i++) {
      double u = (y->kappa[i / y->per] - at) / h, w = 1 - u * u, t = yukawa_links(y, i) - T0, x[TERMS] = {1, u, u * u};
      if (!(w > 0)) continue;
      if (pass == 0) sum += w, square += w * t;
      for (int a = 0; a < TERMS && pass == 1; a++) {
        for (int b = 0; b < TERMS; b++) A[a][b] += w * x[a] * x[b];
        A[a][TERMS] += w * x[a] * t;
      }
      if (pass < 2) continue;
      for (int a = 0; a < TERMS; a++) t -= A[a][TERMS] / A[a][a] * x[a];
      square += w * t * t;
    }
    if (pass == 0) T0 = square / sum, square = 0;
    for (int a = 0; a < TERMS && pass == 1; a++)
      for (int b = 0; b <= TERMS; b++) A[a][b] /= sum;
    if (pass == 1 && !solve(A)) return false;
  }
  *T = T0 + A[0][TERMS] / A[0][0], *variance = square / sum;
  return true;
}

int yukawa_oracle_fit(yukawa_oracle *o, const yukawa_data *y, const char *path, err *e) {
  double low = INFINITY, high = -INFINITY;
  for (long c = 0; c < y->chains; c++) low = fmin(low, y->kappa[c]), high = fmax(high, y->kappa[c]);
  double step = (high - low) / (YUKAWA_NODES - 1);
  for (int j = 0; j < YUKAWA_NODES; j++) {
    double h = 2 * step, variance = 0;
    o->kappa[j] = low + j * step;
    while (h < 2 * (high - low) && !enough(y, o->kappa[j], h)) h *= 1.25;
    if (!(h > 0) || !enough(y, o->kappa[j], h) || !node(y, o->kappa[j], h, &o->T[j], &variance))
      return err_set(e, ERR_FILE, "%s: too few kappas between %g and %g to interpolate <T>", path, low, high);
    o->sd[j] = sqrt(variance);
    if (j && !(o->T[j] > o->T[j - 1])) o->T[j] = nextafter(o->T[j - 1], INFINITY); /* <T> rises with kappa */
  }
  return 0;
}

/* The last node of 0 .. NODES-2 with x[node] <= at. */
static int interval(const double *x, double at) {
  int low = 0, high = YUKAWA_NODES - 1;
  while (high - low > 1) {
    int mid = (low + high) / 2;
    if (x[mid] <= at)
      low = mid;
    else
      high = mid;
  }
  return low;
}

double yukawa_oracle_kappa(const yukawa_oracle *o, double T) {
  int j = interval(o->T, T);
  return o->kappa[j] + (o->kappa[j + 1] - o->kappa[j]) * (T - o->T[j]) / (o->T[j + 1] - o->T[j]);
}

double yukawa_oracle_sigma(const yukawa_oracle *o, double kappa) {
  int j = interval(o->kappa, kappa);
  double u = fmin(1, fmax(0, (kappa - o->kappa[j]) / (o->kappa[j + 1] - o->kappa[j])));
  return 1 / (2 * ((1 - u) * o->sd[j] + u * o->sd[j + 1]));
}
