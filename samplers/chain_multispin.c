/* chain_multispin.c: multi-spin coded Metropolis on a square torus with equal |J| and no field. Bit r of a 512-bit word
 * per site belongs to replica r (up = 1); one checkerboard sweep updates 512 replicas with independent random bits.
 * Idea: Jacobs and Rebbi, J. Comput. Phys. 41 (1981) 203; there one random number serves all replicas, here each has
 * its own.
 *
 * Let a site have k unsatisfied bonds of four. A flip costs dE = 2|J| (4 - 2k): k >= 2 is accepted at once, k = 1 with
 * chance exp(-4 beta |J|), k = 0 with exp(-8 beta |J|). The chance is compared digit by digit, 64 binary digits, with
 * the random digits of all 512 replicas at once; the comparison stops when every replica is decided (after about 10
 * digits). Chances are exact to 2^-64.
 *
 * As in chain_metropolis.c a site must be left alone now and then, or orbits without cost close upon themselves. Here a
 * site is passed over with chance 1/16 in all 512 replicas of a word at once: which sites a sweep visits depends on no
 * configuration, so that replicas in equilibrium stay independent. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "samplers/chain.h"
#include "samplers/chain_lanes.h"

enum { REPLICAS = 512, WORDS = REPLICAS / 64, DIGITS = 64, FIRST = 12, LATER = 4 };

typedef struct multispin {
  lanes_word digit1[DIGITS],
      digit0[DIGITS]; /* digits of the chances for k = 1 and k = 0, most significant first, all replicas */
  uint64_t *right,
      *down; /* (N) all bits set where the bond to the right, below is negative; NULL: all have the sign of `flip` */
  uint64_t flip;
} multispin;

/* ---- tables ---- */

static int applies(const ising *m, err *e) {
  const lattice *l = m->lat;
  if (strcmp(l->name, "square") || !l->periodic || l->rows % 2 || l->cols % 2)
    return err_set(e, ERR_DECK, "chain multispin needs a square torus with even sides: take kind metropolis");
  if (m->h) return err_set(e, ERR_DECK, "chain multispin needs zero field: take kind metropolis");
  for (int b = 0; b < l->nbonds; b++)
    if (fabs(m->J[b]) != fabs(m->J[0]))
      return err_set(e, ERR_DECK, "chain multispin needs couplings of equal size: take kind metropolis");
  return 0;
}

static void fill_digits(lanes_word *digit, double p) {
  uint64_t x = p < 1 ? (uint64_t)(p * 0x1p64) : UINT64_MAX;
  for (int k = 0; k < DIGITS; k++) digit[k] = lanes_all(-(x >> (DIGITS - 1 - k) & 1));
}

static uint64_t negative_bond(const ising *m, int i, int j) {
  for (int k = m->lat->start[i]; k < m->lat->start[i + 1]; k++)
    if (m->lat->neighbour[k] == j) return m->J[m->lat->via[k]] < 0 ? ~0ull : 0;
  return 0;
}

static int fill_signs(multispin *a, const ising *m) {
  const lattice *l = m->lat;
  a->right = malloc(sizeof(uint64_t) * (size_t)l->n);
  a->down = malloc(sizeof(uint64_t) * (size_t)l->n);
  if (!a->right || !a->down) return 1;
  for (int i = 0; i < l->n; i++) {
    int row = i / l->cols, col = i % l->cols;
    a->right[i] = negative_bond(m, i, row * l->cols + (col + 1) % l->cols);
    a->down[i] = negative_bond(m, i, (row + 1) % l->rows * l->cols + col);
  }
  return 0;
}

static int init(chain *c, const void *conf, err *e) {
  const ising *m = c->m;
  multispin *a = c->self = aligned_alloc(64, (sizeof *a + 63) / 64 * 64);
  if (!a) return err_set(e, ERR_RUN, "%s: out of memory for tables", c->name);
  memset(a, 0, sizeof *a);
  double size = fabs(m->J[0]);
  fill_digits(a->digit1, exp(-4 * m->beta * size));
  fill_digits(a->digit0, exp(-8 * m->beta * size));
  a->flip = m->uniform < 0 ? ~0ull : 0;
  if (m->uniform == 0 && fill_signs(a, m)) return err_set(e, ERR_RUN, "%s: out of memory for couplings", c->name);
  c->work_bytes = (size_t)m->lat->n; /* chain_measure unpacks one replica there */
  return 0;
}

static void done(chain *c) {
  multispin *a = c->self;
  if (!a) return;
  free(a->right);
  free(a->down);
  free(a);
}

/* ---- sweep ---- */

/* Vectors go by pointer: 512-bit arguments have no ABI of their own where the machine lacks such registers. */

/* *hit: replicas that accept, at first those that do so at once; of the others, those of *one accept with chance 1, the
 * rest with chance 0. */
static inline __attribute__((always_inline)) void accept(const multispin *a, lanes *g, lanes_word *hit,
                                                         const lanes_word *one) {
  lanes_word open = ~*hit;
  for (int k = 0; k < DIGITS;) {
    for (int stop = k ? k + LATER : FIRST; k < stop; k++) {
      lanes_word r = lanes_next(g), digit = (*one & a->digit1[k]) | (~*one & a->digit0[k]);
      *hit |= open & digit & ~r;
      open &= ~(digit ^ r);
    }
    if (lanes_none(&open)) break;
  }
}

/* One site: *v and the four words beside it, negated where the bond is negative. */
static inline __attribute__((always_inline)) void update(const multispin *a, lanes *g, lanes_word *v,
                                                         const lanes_word near[4]) {
  lanes_word p = near[0] ^ *v, q = near[1] ^ *v, r = near[2] ^ *v, s = near[3] ^ *v; /* 1: unsatisfied */
  lanes_word odd_pq = p ^ q, odd_rs = r ^ s, one = odd_pq ^ odd_rs;                  /* odd without two: exactly one */
  lanes_word hit = (p & q) | (r & s) | (odd_pq & odd_rs);                            /* at least two of four */
  accept(a, g, &hit, &one);
  *v ^= hit;
}

static inline __attribute__((always_inline)) void sweep_rows(const multispin *a, const lattice *l, bool mixed,
                                                             lanes_word *s, const lanes *g0, rng_fast pass) {
  int rows = l->rows, cols = l->cols;
  lanes g = *g0;
  uint64_t coins = 0;                  /* four bits per site decide whether it is passed over */
  for (int k = 0; k < 2 * rows; k++) { /* rows of the even sublattice, then of the odd one */
    int y = k % rows, at = y * cols, up = (y ? y - 1 : rows - 1) * cols, down = (y + 1 < rows ? y + 1 : 0) * cols;
    for (int x = (y + k / rows) & 1; x < cols; x += 2) {
      coins = x & 30 ? coins >> 4 : rng_fast_next(&pass);
      if (!(coins & 15)) continue;
      int left = x ? x - 1 : cols - 1, right = x + 1 < cols ? x + 1 : 0;
      lanes_word near[4] = {s[up + x], s[down + x], s[at + left], s[at + right]};
      near[0] ^= mixed ? a->down[up + x] : a->flip, near[1] ^= mixed ? a->down[at + x] : a->flip;
      near[2] ^= mixed ? a->right[at + left] : a->flip, near[3] ^= mixed ? a->right[at + x] : a->flip;
      update(a, &g, s + at + x, near);
    }
  }
}

static void sweep(chain *c, int unit, uint32_t step, int flags, void *work) {
  const multispin *a = c->self;
  lanes_word *s = (lanes_word *)(c->spins + c->unit_bytes * (size_t)unit);
  uint64_t word = (uint64_t)(c->unit_first + unit);
  lanes g = lanes_seed(c->stream, word, step);
  rng_fast pass = rng_fast_seed(c->stream, word, step, 8); /* lanes_seed has used 0..7 */
  if (a->right)
    sweep_rows(a, c->m->lat, true, s, &g, pass);
  else
    sweep_rows(a, c->m->lat, false, s, &g, pass);
}

/* ---- single replicas ---- */

static uint64_t *word_of(const chain *c, int replica) { /* of site 0; the next site is WORDS further */
  return (uint64_t *)(c->spins + c->unit_bytes * (size_t)(replica / REPLICAS)) + replica % REPLICAS / 64;
}

static void get(const chain *c, int replica, int8_t *s) {
  const uint64_t *w = word_of(c, replica);
  for (int i = 0; i < c->m->lat->n; i++) s[i] = w[WORDS * (size_t)i] >> (replica % 64) & 1 ? 1 : -1;
}

static void put(chain *c, int replica, const int8_t *s) {
  uint64_t *w = word_of(c, replica), bit = 1ull << (replica % 64);
  for (int i = 0; i < c->m->lat->n; i++) {
    uint64_t *x = w + WORDS * (size_t)i;
    *x = s[i] > 0 ? *x | bit : *x & ~bit;
  }
}

/* ---- measurement of 512 replicas ---- */

enum { PLANES = 24 }; /* a counter per replica, its binary digits in separate words: counts below 2^24 */
typedef struct counter {
  lanes_word plane[PLANES];
  int planes;
} counter;

static inline void count(counter *n, const lanes_word *one) {
  lanes_word bit = *one;
  for (int k = 0; k < n->planes; k++) {
    lanes_word carry = n->plane[k] & bit;
    n->plane[k] ^= bit;
    bit = carry;
  }
}

static void counter_open(counter *n, int most) {
  for (n->planes = 0; most >> n->planes; n->planes++) n->plane[n->planes] = lanes_all(0);
}

typedef uint32_t counts_word __attribute__((vector_size(64), may_alias)); /* counts of 16 replicas */

static void counter_read(const counter *n, int32_t value[REPLICAS]) {
  const counts_word place = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  for (int v = 0; v < REPLICAS / 16; v++) {
    counts_word sum = {0};
    for (int k = n->planes - 1; k >= 0; k--) {
      uint32_t bits = (uint32_t)(n->plane[k][v / 4] >> v % 4 * 16) & 0xffff;
      sum = 2 * sum + (bits >> place & 1);
    }
    memcpy(value + 16 * v, &sum, sizeof sum);
  }
}

typedef struct line_sums { /* of one direction: what lines of sites add to the observables */
  int32_t bad[REPLICAS], up[REPLICAS];
  double re[REPLICAS], im[REPLICAS];
} line_sums;

/* Counts spins up and unsatisfied bonds along and out of one line of `length` sites, `stride` apart. */
static void read_line(const chain *c, const lanes_word *s, int from, int length, int stride, bool rows, int32_t *up,
                      int32_t *bad) {
  const multispin *a = c->self;
  const uint64_t *sign = rows ? a->right : a->down;
  counter ups, bads;
  counter_open(&ups, length);
  counter_open(&bads, length);
  for (int x = 0; x < length; x++) {
    int i = from + x * stride, j = from + (x + 1 < length ? x + 1 : 0) * stride;
    lanes_word broken = s[i] ^ s[j] ^ (sign ? sign[i] : a->flip);
    count(&ups, &s[i]);
    count(&bads, &broken);
  }
  counter_read(&ups, up);
  counter_read(&bads, bad);
}

/* All lines of one direction; the wave runs across them. */
static void sum_lines(const chain *c, const lanes_word *s, bool rows, line_sums *t) {
  const lattice *l = c->m->lat;
  int lines = rows ? l->rows : l->cols, length = rows ? l->cols : l->rows;
  memset(t, 0, sizeof *t);
  for (int y = 0; y < lines; y++) {
    int32_t up[REPLICAS], bad[REPLICAS];
    read_line(c, s, rows ? y * l->cols : y, length, rows ? 1 : l->cols, rows, up, bad);
    double re = cos(2 * M_PI * y / lines), im = sin(2 * M_PI * y / lines);
    for (int r = 0; r < REPLICAS; r++) {
      double m = 2 * up[r] - length;
      t->bad[r] += bad[r];
      t->up[r] += up[r];
      t->re[r] += re * m;
      t->im[r] += im * m;
    }
  }
}

static void measure(const chain *c, int unit, void *work, double (*obs)[ISING_NOBS]) {
  const lanes_word *s = (const lanes_word *)(c->spins + c->unit_bytes * (size_t)unit);
  line_sums t[2];
  sum_lines(c, s, true, &t[0]);
  sum_lines(c, s, false, &t[1]);
  double size = fabs(c->m->J[0]);
  int n = c->m->lat->n;
  for (int r = 0; r < REPLICAS; r++) {
    obs[r][ISING_E] = -size * (2.0 * n - 2.0 * (t[0].bad[r] + t[1].bad[r]));
    obs[r][ISING_M] = 2 * t[0].up[r] - n;
    obs[r][ISING_SK] =
        .5 * (t[0].re[r] * t[0].re[r] + t[0].im[r] * t[0].im[r] + t[1].re[r] * t[1].re[r] + t[1].im[r] * t[1].im[r]);
  }
}

const chain_type chain_multispin = {
    .kind = {"multispin", "Metropolis, 512 replicas per machine word: square torus, even sides, equal |J|, no field",
             NULL},
    .tag = "multispin",
    .unit = REPLICAS,
    .applies = applies,
    .init = init,
    .done = done,
    .sweep = sweep,
    .get = get,
    .put = put,
    .measure = measure,
};
