/* exact_kaufman.c: exact_kaufman: partition function of the Ising model on an n x m torus, K = beta |J|
 * (B. Kaufman, Phys. Rev. 76 (1949) 1232, eq. 83; derivatives as Ferdinand & Fisher, Phys. Rev. 185 (1969) 832):
 *
 *   Z = 1/2 (2 sinh 2K)^{nm/2} (P1 + P2 + P3 + P4),   x_k = m gamma_k / 2
 *   P1 = prod 2cosh x_{2r+1},  P2 = prod 2sinh x_{2r+1},  P3 = prod 2cosh x_{2r},  P4 = prod 2sinh x_{2r},   r = 0..n-1
 *   gamma_0 = 2K + ln tanh K (negative above T_c),  sinh^2(gamma_k/2) = (s-1)^2/(2s) + sin^2(pi k/2n),  s = sinh 2K
 *
 * A product is held as exp(log) (v0, v1, v2) with its two derivatives by K. The factor 2sinh x_0 of P4, zero at T_c, is
 * kept in v and never in the logarithm or in a logarithmic derivative. Long double: terms of order 1/K cancel for small
 * K, and terms of order (nm)^2 cancel in c. */
#include <math.h>

#include "lattice/exact.h"

typedef long double real;
typedef struct jet { /* a value and its two derivatives by K */
  real v0, v1, v2;
} jet;
typedef struct product {
  real log; /* of the regular part */
  jet v;
} product;

static const real pi = 3.14159265358979323846264338327950288L;

static jet gamma_zero(real K) {
  real s = sinhl(2 * K), C = coshl(2 * K);
  return (jet){2 * K + logl(tanhl(K)), 2 + 2 / s, -4 * C / (s * s)};
}

/* k >= 1. cosh gamma = C^2/s - cos w has derivatives c1, c2; gamma > 0. */
static jet gamma_of(real K, int k, int n) {
  real s = sinhl(2 * K), C = coshl(2 * K), q = 1 - 1 / (s * s), sine = sinl(pi * k / (2 * n));
  real half = sqrtl((s - 1) * (s - 1) / (2 * s) + sine * sine),
       root = sqrtl(1 + half * half); /* sinh, cosh of gamma/2 */
  real sh = 2 * half * root, ch = 1 + 2 * half * half, c1 = 2 * C * q, c2 = 4 * s * q + 8 * C * C / (s * s * s);
  real g1 = c1 / sh;
  return (jet){2 * asinhl(half), g1, c2 / sh - g1 * g1 * ch / sh};
}

/* Multiplies by 2cosh x (sign +1) or 2sinh x (-1) of x > 0; v1, v2 gather sum x' tanh x and its derivative (coth for
 * sinh). */
static void multiply(product *p, jet x, int sign) {
  real q = expl(-2 * x.v0), t = sign > 0 ? (1 - q) / (1 + q) : (1 + q) / -expm1l(-2 * x.v0);
  p->log += x.v0 + (sign > 0 ? log1pl(q) : logl(-expm1l(-2 * x.v0)));
  p->v.v1 += x.v1 * t;
  p->v.v2 += x.v2 * t + x.v1 * x.v1 * (1 - t * t);
}

/* Gathered logarithmic derivatives (D, D') less `shift` -> derivatives of the product times exp(-shift K). */
static void finish(product *p, real shift) {
  real D = p->v.v1 - shift;
  p->v = (jet){1, D, p->v.v2 + D * D};
}

/* Multiplies a finished product by 2sinh x of any sign. */
static void multiply_linear(product *p, jet x) {
  real q = expl(-2 * fabsl(x.v0)), sh = copysignl(-expm1l(-2 * fabsl(x.v0)), x.v0), ch = 1 + q; /* times exp(-|x|) */
  jet a = p->v, b = {sh, x.v1 * ch, x.v2 * ch + x.v1 * x.v1 * sh};
  p->log += fabsl(x.v0);
  p->v = (jet){a.v0 * b.v0, a.v1 * b.v0 + a.v0 * b.v1, a.v2 * b.v0 + 2 * a.v1 * b.v1 + a.v0 * b.v2};
}

static jet scaled(jet g, real by) {
  return (jet){g.v0 * by, g.v1 * by, g.v2 * by};
}

/* The four products; derivatives are those of P exp(-shift K), so that nothing large is squared. Returns shift. */
static real products(product p[4], int n, int m, real K) {
  for (int r = 0; r < n; r++) {
    jet odd = scaled(gamma_of(K, 2 * r + 1, n), m / 2.0L);
    multiply(&p[0], odd, 1), multiply(&p[1], odd, -1);
    if (r == 0) continue;
    jet even = scaled(gamma_of(K, 2 * r, n), m / 2.0L);
    multiply(&p[2], even, 1), multiply(&p[3], even, -1);
  }
  jet zero = scaled(gamma_zero(K), m / 2.0L), positive = zero;
  if (zero.v0 < 0) positive = scaled(zero, -1); /* cosh is even */
  multiply(&p[2], positive, 1);
  real shift = p[0].v.v1;
  for (int a = 0; a < 4; a++) finish(&p[a], shift);
  multiply_linear(&p[3], zero);
  return shift;
}

/* ln Z and its derivatives by K. */
static jet log_partition(int n, int m, real K) {
  product p[4] = {{0}};
  real N = (real)n * m, s = sinhl(2 * K), C = coshl(2 * K), shift = products(p, n, m, K), top = p[0].log;
  jet sum = {0};
  for (int a = 1; a < 4; a++) top = fmaxl(top, p[a].log);
  for (int a = 0; a < 4; a++) {
    real w = expl(p[a].log - top);
    sum.v0 += w * p[a].v.v0, sum.v1 += w * p[a].v.v1, sum.v2 += w * p[a].v.v2;
  }
  real mean = sum.v1 / sum.v0;
  return (jet){N / 2 * logl(2 * s) + top + logl(sum.v0) - logl(2), N * C / s + shift + mean,
               -2 * N / (s * s) + sum.v2 / sum.v0 - mean * mean};
}

/* K > 4: two ordered states and single flips of cost 8K. What is left out is below 1e-20 in lnZ and e; c, there below
 * 1e-10, has a relative error of 5 exp(-4K), where the closed form has lost all its digits. */
static jet ordered(int n, int m, real K) {
  real N = (real)n * m, q = expl(-8 * K);
  return (jet){N * (2 * K + q) + logl(2), N * (2 - 8 * q), N * 64 * q};
}

int exact_kaufman(exact_ising *x, int rows, int cols, double J, double beta, err *e) {
  *x = exact_unknown();
  if (rows < 3 || cols < 3) return err_set(e, ERR_RUN, "Kaufman: %d x %d torus: sides must be at least 3", rows, cols);
  if (!(beta > 0) || !isfinite(beta) || J == 0 || !isfinite(J))
    return err_set(e, ERR_RUN, "Kaufman: J = %g, beta = %g: J must not be 0, beta must be positive", J, beta);
  if (J < 0 && (rows % 2 || cols % 2))
    return err_set(e, ERR_RUN, "Kaufman: J < 0 on a %d x %d torus is frustrated: both sides must be even", rows, cols);
  real a = fabs(J), K = a * beta;
  jet lnZ = K > 4 ? ordered(rows, cols, K) : log_partition(rows, cols, K);
  exact_thermal(x, (double)rows * cols, beta, (double)lnZ.v0, (double)(lnZ.v1 * a), (double)(lnZ.v2 * a * a));
  return 0;
}
