/* exact_transfer.c: exact_transfer: Z = Tr T^R of a torus of R rows of w <= 14 sites, square or triangular, with
 * uniform J and h (Kramers & Wannier, Phys. Rev. 60 (1941) 252), where T is applied one site at a time to vectors of
 * 2^w row states:
 *
 *   Z = sum_sigma <sigma| T^R |sigma>,   T(s, s') = exp beta[ J sum_j s_j s_{j+1} + h sum_j s_j + sum_j s'_j (J s_j +
 * J_d s_{j-1}) ]
 *
 * J_d = J on the triangular lattice, else 0. The sum over start rows runs over one row of each class under rotation,
 * reversal and (h = 0) global flip. Each number carries its first two derivatives by beta, so e and c are exact.
 *
 * Bits: bit j of a row state is spin j, 0 for up. A row starts with s in bits 0..w-1; s'_0 enters as bit w; then for
 * j = 1..w-1 spin s_{j-1}, needed no more, is summed over and s'_j takes its bit; at last s_{w-1} is summed and s'_0
 * falls into its place. Bit j is now s'_{j+1}: each row rotates the labels by one, which T does not notice, and the end
 * undoes it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lattice/exact.h"

enum { WIDTH_MAX = 14, LANES = 8 };
typedef double lanes __attribute__((vector_size(LANES * sizeof(double)))); /* start rows side by side */
typedef struct jet {
  lanes v[3]; /* value and derivatives by beta */
} jet;

/* exp(beta a), a exp(beta a), a^2 exp(beta a). Every a has its largest value subtracted: w <= 1. */
typedef struct weight {
  double w, wa, waa;
} weight;

typedef struct torus {
  int width, rows;
  bool flip;            /* no field */
  double beta, largest; /* what was subtracted from all a of the torus */
  weight site[2][2][2]; /* of s'_j, s_j, s_{j-1} */
  weight *row;          /* (2^width) */
  jet *v;               /* (2^(width+1)) */
  int *classes, *count; /* start rows and how many each stands for */
  int nclasses;
} torus;

static weight weight_of(double beta, double a) {
  double w = exp(beta * a);
  return (weight){w, w * a, w * a * a};
}

static int rotate(int s, int by, int width) {
  return (s >> by | s << (width - by)) & ((1 << width) - 1);
}

static int reversed(int s, int width) {
  int r = 0;
  for (int j = 0; j < width; j++) r |= (s >> j & 1) << (width - 1 - j);
  return r;
}

static int smallest_rotation(int s, int width) {
  int best = s;
  for (int by = 1; by < width; by++) {
    int r = rotate(s, by, width);
    if (r < best) best = r;
  }
  return best;
}

static int class_of(const torus *t, int s) {
  int all = (1 << t->width) - 1, best = smallest_rotation(s, t->width);
  int other[3] = {reversed(s, t->width), s ^ all, reversed(s ^ all, t->width)};
  for (int k = 0; k < (t->flip ? 3 : 1); k++) {
    int r = smallest_rotation(other[k], t->width);
    if (r < best) best = r;
  }
  return best;
}

static void fill_classes(torus *t) {
  int states = 1 << t->width;
  for (int s = 0; s < states; s++) t->count[class_of(t, s)]++;
  for (int s = 0; s < states; s++)
    if (t->count[s]) t->classes[t->nclasses] = s, t->count[t->nclasses++] = t->count[s];
}

static void fill_weights(torus *t, double J, double Jd, double h) {
  int w = t->width;
  for (int k = 0; k < 8; k++) {
    int next = k >> 2, up = k >> 1 & 1, left = k & 1;
    double a = (next ? -1 : 1) * ((up ? -J : J) + (left ? -Jd : Jd));
    t->site[next][up][left] = weight_of(t->beta, a - fabs(J) - fabs(Jd));
  }
  for (int s = 0; s < 1 << w; s++) {
    int unequal = __builtin_popcount((unsigned)(s ^ rotate(s, 1, w))), down = __builtin_popcount((unsigned)s);
    t->row[s] = weight_of(t->beta, J * (w - 2 * unequal) + h * (w - 2 * down) - w * (fabs(J) + fabs(h)));
  }
  t->largest = t->rows * w * (2 * fabs(J) + fabs(Jd) + fabs(h));
}

static void torus_close(torus *t) {
  free(t->row), free(t->v), free(t->classes), free(t->count);
}

static int torus_open(torus *t, const ising *m, double beta, err *e) {
  const lattice *l = m->lat;
  bool tall = l->rows >= l->cols; /* both lattices look the same with rows and columns exchanged */
  *t = (torus){.width = tall ? l->cols : l->rows, .rows = tall ? l->rows : l->cols, .flip = !m->h, .beta = beta};
  size_t states = (size_t)1 << t->width;
  t->row = malloc(states * sizeof *t->row);
  t->v = aligned_alloc(sizeof(lanes), 2 * states * sizeof *t->v);
  t->classes = calloc(states, sizeof(int));
  t->count = calloc(states, sizeof(int));
  if (!t->row || !t->v || !t->classes || !t->count) return err_set(e, ERR_RUN, "no memory for a transfer matrix");
  fill_classes(t);
  fill_weights(t, m->uniform, strcmp(l->name, "triangular") ? 0 : m->uniform, m->h ? m->h[0] : 0);
  return 0;
}

/* out = weight a, and out = weight a + weight b. */
static inline void times(jet *out, const jet *a, weight f) {
  jet r = {{f.w * a->v[0], f.w * a->v[1] + f.wa * a->v[0], f.w * a->v[2] + 2 * f.wa * a->v[1] + f.waa * a->v[0]}};
  *out = r;
}

static inline void combine(jet *out, const jet *a, weight f, const jet *b, weight g) {
  jet p, q;
  times(&p, a, f);
  times(&q, b, g);
  for (int k = 0; k < 3; k++) out->v[k] = p.v[k] + q.v[k];
}

/* s'_0 enters, with the weights of row s. */
static void first_site(torus *t) {
  int states = 1 << t->width;
  for (int s = 0; s < states; s++) {
    jet r;
    times(&r, &t->v[s], t->row[s]);
    for (int next = 1; next >= 0; next--)
      times(&t->v[s + next * states], &r, t->site[next][s & 1][s >> (t->width - 1)]);
  }
}

/* s'_j takes the place of s_{j-1}. */
static void next_site(torus *t, int j) {
  int states = 2 << t->width, bit = 1 << (j - 1);
  for (int top = 0; top < states; top += 2 * bit) {
    int up = top >> j & 1;
    for (int i = top; i < top + bit; i++) {
      jet a = t->v[i], b = t->v[i + bit];
      for (int next = 0; next < 2; next++)
        combine(&t->v[i + next * bit], &a, t->site[next][up][0], &b, t->site[next][up][1]);
    }
  }
}

/* s_{w-1} leaves. */
static void last_site(torus *t) {
  int half = 1 << (t->width - 1);
  const weight one = {1, 0, 0};
  for (int i = 0; i < half; i++) {
    jet *v = t->v + i;
    combine(&v[0], &v[0], one, &v[half], one);
    combine(&v[half], &v[2 * half], one, &v[3 * half], one);
  }
}

/* A row vector stands for exp(log + shift (beta' - beta)) times its stored numbers, lane by lane. */
typedef struct scale {
  lanes log, shift;
} scale;

/* Brings the largest value of each lane to 1 and its derivative to 0: moments about the mean of what matters, which
 * keep the digits of c. */
static void rescale(torus *t, scale *z) {
  int states = 1 << t->width;
  lanes top = {0}, slope = {0}, by, d;
  for (int s = 0; s < states; s++)
    for (int k = 0; k < LANES; k++) {
      slope[k] = t->v[s].v[0][k] > top[k] ? t->v[s].v[1][k] : slope[k];
      top[k] = t->v[s].v[0][k] > top[k] ? t->v[s].v[0][k] : top[k];
    }
  for (int k = 0; k < LANES; k++) by[k] = top[k] > 0 ? 1 / top[k] : 0, z->log[k] += log(top[k]);
  d = slope * by;
  z->shift += d;
  for (int s = 0; s < states; s++) {
    lanes *v = t->v[s].v;
    v[2] = by * (v[2] + d * (d * v[0] - 2 * v[1]));
    v[1] = by * (v[1] - d * v[0]);
    v[0] *= by;
  }
}

typedef struct total {
  double log, shift, v[3]; /* the sum, as a lane of scale */
} total;

/* The same number about another shift. */
static void move(total *z, double shift) {
  double d = z->shift - shift;
  z->v[2] += d * (d * z->v[0] + 2 * z->v[1]);
  z->v[1] += d * z->v[0];
  z->shift = shift;
}

static void add(total *z, total x) {
  if (x.log > z->log) {
    total t = *z;
    *z = x, x = t;
  }
  double by = exp(x.log - z->log);
  move(&x, z->shift);
  for (int d = 0; d < 3; d++) z->v[d] += by * x.v[d];
}

/* Diagonal elements of T^R for classes first..first+LANES-1. */
static void add_batch(torus *t, int first, total *z) {
  int n = t->nclasses - first < LANES ? t->nclasses - first : LANES;
  scale now = {{0}, {0}};
  memset(t->v, 0, sizeof *t->v << t->width);
  for (int k = 0; k < n; k++) t->v[t->classes[first + k]].v[0][k] = 1;
  for (int r = 0; r < t->rows; r++) {
    first_site(t);
    for (int j = 1; j < t->width; j++) next_site(t, j);
    last_site(t);
    rescale(t, &now);
  }
  for (int k = 0; k < n; k++) {
    const jet *end = &t->v[rotate(t->classes[first + k], t->rows % t->width, t->width)];
    total x = {.log = now.log[k], .shift = now.shift[k]};
    for (int d = 0; d < 3; d++) x.v[d] = t->count[first + k] * end->v[d][k];
    if (x.v[0] > 0) add(z, x);
  }
}

static int check_model(const ising *m, double beta, err *e) {
  const lattice *l = m->lat;
  if (!l->rows || !l->periodic || m->uniform == 0)
    return err_set(e, ERR_RUN, "transfer matrix: needs a periodic square or triangular lattice with equal couplings");
  if (l->rows > WIDTH_MAX && l->cols > WIDTH_MAX)
    return err_set(e, ERR_RUN, "transfer matrix: %d x %d: one side must be at most %d", l->rows, l->cols, WIDTH_MAX);
  for (int i = 0; m->h && i < l->n; i++)
    if (m->h[i] != m->h[0]) return err_set(e, ERR_RUN, "transfer matrix: needs a uniform field");
  double K = beta * (fabs(m->uniform) + (m->h ? fabs(m->h[0]) : 0));
  if (!(K > 0 && K <= 20))
    return err_set(e, ERR_RUN, "transfer matrix: beta (|J| + |h|) = %g: must be positive and at most 20", K);
  return 0;
}

int exact_transfer(exact_ising *x, const ising *m, double beta, err *e) {
  *x = exact_unknown();
  if (check_model(m, beta, e)) return e->code;
  torus t;
  total z = {.log = -INFINITY};
  if (!torus_open(&t, m, beta, e))
    for (int first = 0; first < t.nclasses; first += LANES) add_batch(&t, first, &z);
  torus_close(&t);
  if (e->code) return e->code;
  double mean = z.v[1] / z.v[0];
  exact_thermal(x, m->lat->n, beta, beta * t.largest + z.log + log(z.v[0]), t.largest + z.shift + mean,
                z.v[2] / z.v[0] - mean * mean);
  return 0;
}
