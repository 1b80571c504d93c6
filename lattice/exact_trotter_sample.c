/* exact_trotter_sample.c: exact_sampler_new, exact_sampler_draw, exact_sampler_lnZ, exact_sampler_free: independent
 * configurations of the Trotter lattice with exactly the Boltzmann weight. With layers x_0 .. x_n = x_0 (rows or
 * columns),
 *
 *   p(x_0) = <x_0| B_1 |x_0>/Z,    p(x_l | x_l-1, x_0) = G_l(x_l-1, x_l) D_l(x_l) B_l+1(x_l) / B_l(x_l-1),
 *
 * where B_l = G_l D_l B_l+1 and B_n+1 = the unit vector of x_0: forward sampling of a Markov field from its transfer
 * matrix, as in hidden Markov chains (forward filtering, backward sampling: Fruehwirth-Schnatter, J. Time Ser. Anal. 15
 * (1994) 183). A layer has one bit per gate, so 2^(L/2) candidates. Eight first layers are worked on side by side. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lattice/exact_ring.h"

struct exact_sampler {
  ring r;
  double lnZ;
  double *cdf;       /* (2^length) of the first layer                                  */
  int *start;        /* (2^length + 1) draws by their first layer                      */
  ring_lanes *after; /* (layers + 1, largest sector) row l: B_l+1 over its largest     */
  double *candidate; /* (2^(length/2)) cumulative weights                              */
  ring_number Z;
};

void exact_sampler_free(exact_sampler *a) {
  if (!a) return;
  ring_close(&a->r);
  free(a->cdf), free(a->start), free(a->after), free(a->candidate);
  free(a);
}

double exact_sampler_lnZ(const exact_sampler *a) {
  return a->lnZ;
}

/* cdf holds ln of the diagonal elements of the representatives for now. */
static void note_class(void *ctx, const ring *r, int x, int members, ring_number d) {
  exact_sampler *a = ctx;
  a->cdf[x] = d.v[0] > 0 ? d.log + log(d.v[0]) : -INFINITY;
  d.v[0] *= members;
  ring_add(&a->Z, d);
}

/* From the representatives to everybody, backwards: they have the smallest number of their class. */
static void fill_cdf(exact_sampler *a) {
  int states = 1 << a->r.length;
  double lnZ = a->Z.log + log(a->Z.v[0]), sum = 0;
  for (int x = states; x--;) a->cdf[x] = a->cdf[ring_class(&a->r, x)];
  for (int x = 0; x < states; x++) a->cdf[x] = sum += exp(a->cdf[x] - lnZ);
  a->lnZ = lnZ + a->r.layers * a->r.unit[0];
}

int exact_sampler_new(exact_sampler **out, const trotter *t, err *e) {
  *out = NULL;
  if (!exact_trotter_applies(t))
    return err_set(e, ERR_RUN, "exact sampling: %d rows of %d spins: one side must be at most 16", t->rows, t->sites);
  exact_sampler *a = aligned_alloc(_Alignof(exact_sampler), sizeof *a); /* calloc does not align vectors */
  if (!a) return err_set(e, ERR_RUN, "no memory for exact sampling");
  memset(a, 0, sizeof *a);
  double beta[RING_LANES];
  for (int k = 0; k < RING_LANES; k++) beta[k] = t->beta;
  a->Z.log = -INFINITY;
  ring *r = &a->r;
  if (!ring_open(r, t, t->rows < t->sites, beta, 1, e)) {
    size_t states = (size_t)1 << r->length;
    a->cdf = calloc(states, sizeof(double));
    a->start = calloc(states + 1, sizeof(int));
    a->candidate = calloc((size_t)1 << r->length / 2, sizeof(double));
    a->after = aligned_alloc(sizeof(ring_lanes), sizeof(ring_lanes) * ring_capacity(r) * ((size_t)r->layers + 1));
    if (!a->cdf || !a->start || !a->candidate || !a->after)
      err_set(e, ERR_RUN, "exact sampling: no memory for %d layers of %d spins", r->layers, r->length);
    else if (!ring_diagonal(r, note_class, a, e))
      fill_cdf(a);
  }
  if (e->code) exact_sampler_free(a), a = NULL;
  *out = a;
  return e->code;
}

/* B of all layers for n <= RING_LANES first layers of one sector. */
static void fill_after(exact_sampler *a, int n, const int *x) {
  ring *r = &a->r;
  ring_enter(r, ring_sector_of(r, x[0]));
  for (int k = 0; k < n; k++) r->v[r->rank[x[k]]][k] = 1;
  for (int l = r->layers; l > 0; l--) {
    memcpy(a->after + (size_t)l * ring_capacity(r), r->v, sizeof(ring_lanes) * (size_t)r->nstates);
    ring_field(r, l);
    ring_gates(r, l);
    ring_rescale(r);
  }
}

/* The state that the turned gates of layer l make of x. */
static int turned(const ring *r, int layer, int x, int gates) {
  for (int p = layer % 2; gates; p += 2, gates >>= 1)
    if (gates & 1) x ^= 1 << p | 1 << ((p + r->length - 1) % r->length);
  return x;
}

static double gate_weight(const ring *r, int layer, int x, int gates) {
  double w = 1;
  for (int p = layer % 2; p < r->length; p += 2, gates >>= 1) {
    int left = (p + r->length - 1) % r->length;
    w *= r->weight[(x >> p ^ x >> left) & 1][gates & 1][0][0];
  }
  return w;
}

static int next_layer(exact_sampler *a, int layer, int x, int lane, double u) {
  ring *r = &a->r;
  const ring_lanes *B = a->after + (size_t)layer * ring_capacity(r);
  int n = 1 << r->length / 2;
  double sum = 0;
  for (int g = 0; g < n; g++) {
    double w = gate_weight(r, layer, x, g);
    if (w > 0) {
      int y = turned(r, layer, x, g);
      sum += w * ring_tilt(r, y, layer) * B[r->rank[y]][lane];
    }
    a->candidate[g] = sum;
  }
  int g = 0;
  while (g < n - 1 && !(a->candidate[g] > u * sum)) g++;
  return turned(r, layer, x, g);
}

/* Spins of layer l from its state. */
static void put(const ring *r, int layer, int x, int8_t *s) {
  const trotter *t = r->t;
  for (int p = 0; p < r->length; p++) {
    int spin = x >> p & 1 ? -1 : 1;
    if (r->columns)
      s[p * t->sites + layer] = (int8_t)((p + layer) % 2 ? -spin : spin);
    else
      s[layer * t->sites + p] = (int8_t)spin;
  }
}

static void draw_one(exact_sampler *a, rng stream, uint64_t number, int x, int lane, int8_t *s) {
  put(&a->r, 0, x, s);
  for (int l = 1; l < a->r.layers; l++) {
    x = next_layer(a, l, x, lane, rng_uniform(stream, number, (uint32_t)l, 0));
    put(&a->r, l, x, s);
  }
}

/* First state whose cumulative probability exceeds u of the whole. */
static int first_layer(const exact_sampler *a, double u) {
  int low = 0, high = (1 << a->r.length) - 1;
  u *= a->cdf[high];
  while (low < high) {
    int middle = (low + high) / 2;
    if (a->cdf[middle] > u)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/* Draws sorted by first layer: start[x] .. start[x+1]-1 of order[n]. */
static void sort_draws(exact_sampler *a, rng r, uint64_t first, int n, int *x, int *order) {
  int states = 1 << a->r.length, *start = a->start;
  memset(start, 0, sizeof(int) * ((size_t)states + 1));
  for (int i = 0; i < n; i++) start[(x[i] = first_layer(a, rng_uniform(r, first + (uint64_t)i, 0, 0))) + 1]++;
  for (int k = 0; k < states; k++) start[k + 1] += start[k];
  for (int i = 0; i < n; i++) order[start[x[i]]++] = i;
  memmove(start + 1, start, sizeof(int) * (size_t)states);
  start[0] = 0;
}

static void draw_batch(exact_sampler *a, rng r, uint64_t first, int n, const int *x, const int *order, int8_t *s) {
  fill_after(a, n, x);
  for (int k = 0; k < n; k++)
    for (int i = a->start[x[k]]; i < a->start[x[k] + 1]; i++)
      draw_one(a, r, first + (uint64_t)order[i], x[k], k, s + (size_t)order[i] * (size_t)a->r.t->n);
}

int exact_sampler_draw(exact_sampler *a, rng r, uint64_t first, int n, int8_t *s, err *e) {
  int *order = malloc(sizeof(int) * 2 * ((size_t)n + 1)), x[RING_LANES];
  if (!order) return err_set(e, ERR_RUN, "exact sampling: no memory for %d draws", n);
  sort_draws(a, r, first, n, order + n, order);
  for (int sector = 0; sector < ring_sectors(&a->r); sector++) {
    int lanes = 0;
    for (int k = 0; k < 1 << a->r.length; k++) {
      if (a->start[k] == a->start[k + 1] || ring_sector_of(&a->r, k) != sector) continue;
      x[lanes++] = k;
      if (lanes == RING_LANES) draw_batch(a, r, first, lanes, x, order, s), lanes = 0;
    }
    if (lanes) draw_batch(a, r, first, lanes, x, order, s);
  }
  free(order);
  return 0;
}
