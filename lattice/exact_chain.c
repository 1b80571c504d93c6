/* exact_chain.c: exact_chain, exact_chain_any: full diagonalisation of a Heisenberg ring in sectors of momentum k and
 * of Sz (Jx = Jy) or of the parity of down spins, by LAPACK.
 *
 * States of momentum k: |a(k)> = N_a^(-1/2) sum_r exp(-ikr) T^r |a>, a the smallest number among its rotations, with
 * period R_a, k R_a = 0 modulo 2 pi. With H_j |a> = h_j T^(-l_j) |b_j> (Sandvik, AIP Conf. Proc. 1297 (2010) 135,
 * arXiv:1101.3281):
 *
 *   <b(k)|H|a(k)> = sum_j h_j exp(-i k l_j) sqrt(R_a/R_b)
 *
 * k and -k have the same spectrum. Where M = sum Sz is not conserved,
 *   d2 lnZ/du2 = (1/Z) sum_ab |<a|M|b>|^2 (exp(-beta E_a) - exp(-beta E_b)) / (beta (E_b - E_a)) - <M>^2,  u = beta h.
 */
#include <math.h>
#include <stdlib.h>

#include "base/lapack.h"
#include "lattice/exact_trotter.h"

enum { SITES_MIN = 3, SITES_MAX = 16, GENERAL_MAX = 14 };

typedef struct level_set { /* one sector */
  int n, times;            /* levels, and how often each counts */
  double m;                /* M, where it is conserved          */
  double *E;               /* (n)                               */
  double *mm, *ms;         /* (n, n) |<a|M|b>|^2 and (n) <a|M|a>, else NULL */
} level_set;

typedef struct ed {
  int sites, nsectors;
  double diagonal, exchange, flip, h; /* Jz/4, (Jx+Jy)/4, (Jx-Jy)/4 */
  bool conserved;
  int *smallest, *shift, *period; /* (2^N) smallest rotation b = T^shift x; period of b */
  int *column;                    /* (2^N) place of a representative in the sector, -1: none */
  int *member;                    /* (2^N) representatives of the sector */
  level_set *sector;
} ed;

static void ed_close(ed *d) {
  for (int i = 0; d->sector && i < d->nsectors; i++) free(d->sector[i].E), free(d->sector[i].mm), free(d->sector[i].ms);
  free(d->smallest), free(d->shift), free(d->period), free(d->column), free(d->member), free(d->sector);
}

static void fill_rotations(ed *d) {
  int N = d->sites, all = (1 << N) - 1;
  for (int x = 0; x <= all; x++) {
    int y = x, period = 0;
    d->smallest[x] = x, d->shift[x] = 0;
    for (int r = 1; r <= N; r++) {
      y = (y << 1 | y >> (N - 1)) & all;
      if (y < d->smallest[x]) d->smallest[x] = y, d->shift[x] = r;
      if (!period && y == x) period = r;
    }
    d->period[x] = period;
  }
}

static int ed_open(ed *d, int sites, const double J[3], double field, err *e) {
  size_t states = (size_t)1 << sites;
  *d = (ed){.sites = sites, .diagonal = J[2] / 4, .exchange = (J[0] + J[1]) / 4, .flip = (J[0] - J[1]) / 4, .h = field};
  d->conserved = J[0] == J[1];
  d->smallest = malloc(states * sizeof(int)), d->shift = malloc(states * sizeof(int));
  d->period = malloc(states * sizeof(int)), d->column = malloc(states * sizeof(int));
  d->member = malloc(states * sizeof(int));
  d->sector = calloc((size_t)(sites + 1) * (size_t)(sites + 1), sizeof *d->sector);
  if (!d->smallest || !d->shift || !d->period || !d->column || !d->member || !d->sector)
    return err_set(e, ERR_RUN, "no memory for a chain of %d sites", sites);
  fill_rotations(d);
  return 0;
}

static double mag(const ed *d, int x) {
  return d->sites / 2. - __builtin_popcount((unsigned)x);
}

/* Representatives with the given number (parity) of down spins that carry momentum 2 pi k/N. */
static int list_sector(ed *d, int down, int k) {
  int n = 0;
  for (int x = 0; x < 1 << d->sites; x++) {
    int up = __builtin_popcount((unsigned)x);
    d->column[x] = -1;
    if ((d->conserved ? up : up & 1) != down || d->smallest[x] != x || k * d->period[x] % d->sites) continue;
    d->column[x] = n, d->member[n++] = x;
  }
  return n;
}

/* Column a of H, (n, n) by columns. */
static void fill_column(const ed *d, int k, int n, int a, double complex *H) {
  int x = d->member[a], N = d->sites;
  double complex *col = H + (size_t)a * (size_t)n;
  for (int i = 0; i < N; i++) {
    int j = (i + 1) % N, unequal = (x >> i ^ x >> j) & 1, y = x ^ (1 << i | 1 << j);
    double h = unequal ? -d->exchange : -d->flip;
    col[a] += unequal ? d->diagonal : -d->diagonal;
    int b = d->column[d->smallest[y]];
    if (h == 0 || b < 0) continue;
    double root = sqrt((double)d->period[x] / d->period[y]);
    col[b] += h * root * cexp(-2 * M_PI * I * (double)(k * d->shift[y] % N) / N);
  }
  if (!d->conserved) col[a] -= d->h * mag(d, x);
}

/* Eigenvalues, and eigenvectors in H if they are wanted; k = 0 and pi are real. */
static int diagonalise(int n, double complex *H, bool real, bool vectors, double *E) {
  char job = vectors ? 'V' : 'N';
  int info;
  if (!real) {
    LAPACK_ALONE(info, LAPACKE_zheev(LAPACK_COL_MAJOR, job, 'U', n, H, n, E));
    return info;
  }
  double *R = (double *)H;
  size_t all = (size_t)n * (size_t)n;
  for (size_t i = 0; i < all; i++) R[i] = creal(H[i]);
  LAPACK_ALONE(info, LAPACKE_dsyev(LAPACK_COL_MAJOR, job, 'U', n, R, n, E));
  for (size_t i = vectors ? all : 0; i--;) {
    double r = R[i];
    H[i] = r;
  }
  return info;
}

/* |<a|M|b>|^2 and <a|M|a>: M is diagonal in the states of the sector. */
static void fill_mag(const ed *d, level_set *s, const double complex *U) {
  size_t n = (size_t)s->n;
  for (size_t a = 0; a < n; a++)
    for (size_t b = 0; b <= a; b++) {
      double re = 0, im = 0;
      for (size_t i = 0; i < n; i++) {
        double complex p = U[a * n + i], q = U[b * n + i];
        double M = mag(d, d->member[i]);
        re += M * (creal(p) * creal(q) + cimag(p) * cimag(q));
        im += M * (creal(p) * cimag(q) - cimag(p) * creal(q));
      }
      s->mm[a * n + b] = s->mm[b * n + a] = re * re + im * im;
      if (a == b) s->ms[a] = re;
    }
}

static int add_sector(ed *d, int down, int k, int times, err *e) {
  int n = list_sector(d, down, k);
  if (!n) return 0;
  size_t all = (size_t)n * (size_t)n;
  level_set *s = &d->sector[d->nsectors++];
  *s = (level_set){.n = n, .times = times, .m = mag(d, d->member[0])};
  double complex *H = calloc(all, sizeof *H);
  s->E = malloc((size_t)n * sizeof(double));
  if (!d->conserved) s->mm = malloc(all * sizeof(double)), s->ms = malloc((size_t)n * sizeof(double));
  if (!H || !s->E || (!d->conserved && (!s->mm || !s->ms))) {
    free(H);
    return err_set(e, ERR_RUN, "no memory for a sector of %d states", n);
  }
  for (int a = 0; a < n; a++) fill_column(d, k, n, a, H);
  int info = diagonalise(n, H, k == 0 || 2 * k == d->sites, !d->conserved, s->E);
  if (info) err_set(e, ERR_RUN, "LAPACK could not diagonalise a sector of %d states (info %d)", n, info);
  if (!info && !d->conserved) fill_mag(d, s, H);
  for (int a = 0; a < n && d->conserved; a++) s->E[a] -= d->h * s->m;
  free(H);
  return e->code;
}

/* Sz and -Sz have the same H but for the field: the second is a copy of the first. */
static int mirror_sector(ed *d, const level_set *from, err *e) {
  level_set *s = &d->sector[d->nsectors++];
  *s = *from;
  s->m = -from->m;
  if (!(s->E = malloc((size_t)s->n * sizeof(double)))) return err_set(e, ERR_RUN, "no memory for a sector");
  for (int a = 0; a < s->n; a++) s->E[a] = from->E[a] + 2 * d->h * from->m;
  return 0;
}

static int solve(ed *d, err *e) {
  int last = d->conserved ? d->sites / 2 : 1;
  for (int down = 0; down <= last; down++)
    for (int k = 0; 2 * k <= d->sites; k++) {
      int before = d->nsectors;
      if (add_sector(d, down, k, k == 0 || 2 * k == d->sites ? 1 : 2, e)) return e->code;
      if (!d->conserved || 2 * down == d->sites || d->nsectors == before) continue;
      if (mirror_sector(d, &d->sector[before], e)) return e->code;
    }
  return 0;
}

/* ---- thermal averages ---- */
typedef struct sums {
  long double w, E, EE, M, MM; /* of exp(-beta (E - lowest)) and times E - lowest, ...; MM: second derivative by u */
} sums;

/* sum_b |<a|M|b>|^2 times the kernel, pairs b > a twice. */
static long double response(const level_set *s, int a, double beta, double p) {
  size_t n = (size_t)s->n;
  const double *mm = s->mm + (size_t)a * n;
  long double sum = mm[a] * p;
  for (size_t b = (size_t)a + 1; b < n; b++) {
    double gap = beta * (s->E[b] - s->E[a]);
    sum += 2 * mm[b] * p * (gap > 1e-12 ? -expm1(-gap) / gap : 1);
  }
  return sum;
}

static void add_levels(sums *z, const level_set *s, double beta, double lowest) {
  for (int a = 0; a < s->n; a++) {
    double E = s->E[a] - lowest, p = s->times * exp(-beta * E), m = s->ms ? s->ms[a] : s->m;
    z->w += p, z->E += p * E, z->EE += p * E * E, z->M += p * m;
    z->MM += s->mm ? response(s, a, beta, p) : (long double)p * m * m;
  }
}

static chain_thermo average(const ed *d, double beta) {
  double lowest = INFINITY;
  sums z = {0};
  for (int i = 0; i < d->nsectors; i++)
    for (int a = 0; a < d->sector[i].n; a++) lowest = fmin(lowest, d->sector[i].E[a]);
  for (int i = 0; i < d->nsectors; i++) add_levels(&z, &d->sector[i], beta, lowest);
  long double E = z.E / z.w, M = z.M / z.w;
  return chain_derive(d->sites, beta, (double)(logl(z.w) - (long double)beta * lowest), (double)-(lowest + E),
                      (double)(z.EE / z.w - E * E), (double)M, (double)(z.MM / z.w - M * M));
}

int exact_chain(chain_thermo *x, int sites, const double J[3], double field, int n, const double *beta, err *e) {
  int most = J[0] == J[1] ? SITES_MAX : GENERAL_MAX;
  for (int i = 0; i < n; i++) {
    x[i] = chain_unknown();
    if (!(beta[i] > 0) || !isfinite(beta[i])) return err_set(e, ERR_RUN, "chain: beta = %g must be positive", beta[i]);
  }
  if (sites < SITES_MIN || sites > most)
    return err_set(e, ERR_RUN, "diagonalisation of %d sites: %d to %d are possible%s", sites, SITES_MIN, most,
                   most < SITES_MAX ? " where Jx and Jy differ" : "");
  ed d;
  if (!ed_open(&d, sites, J, field, e) && !solve(&d, e))
    for (int i = 0; i < n; i++) x[i] = average(&d, beta[i]);
  ed_close(&d);
  return e->code;
}

int exact_chain_any(chain_thermo *x, const char **method, const trotter *t, int n, const double *beta, err *e) {
  *method = NULL;
  for (int i = 0; i < n; i++) x[i] = chain_unknown();
  if (t->J[2] == 0) {
    *method = "free fermions";
    for (int i = 0; i < n; i++)
      if (exact_xy(&x[i], t->sites, t->J[0], t->J[1], t->field, beta[i], e)) return e->code;
  } else if (t->sites <= (t->six_vertex ? SITES_MAX : GENERAL_MAX)) {
    *method = "exact diagonalisation";
    return exact_chain(x, t->sites, t->J, t->field, n, beta, e);
  }
  return 0;
}
