/* ar_trotter.c: see ar_trotter.h.
 *   ln W = sum over shaded plaquettes of ln W(type) + beta h M     (arXiv:2012.10264; Cullen & Landau, PRB 27, 297)
 * With eq = +-1 for an equal or unequal pair before a layer and kept = +-1 for a pair that is kept or turned, ln W of a
 * plaquette is c0 + c1 eq + c2 kept + c3 eq kept. */
#include "samplers/ar_trotter.h"

#include <math.h>
#include <stdlib.h>

#include "samplers/causal.h"
#include "samplers/ring_choice.h"
#include "samplers/worldline.h"

typedef struct draw_conf {
  ar_conf common;
  int ring;
} draw_conf;
enum { RING_SHORTER, RING_ROWS, RING_COLUMNS };
enum { SYMMETRY_NONE, SYMMETRY_Z2, SYMMETRY_HALVES };

#define COMMON(member) (offsetof(draw_conf, common) + offsetof(ar_conf, member))
const deck_key ar_trotter_keys[] = {
    {"ring", DECK_WORD, offsetof(draw_conf, ring), "shorter", .words = "shorter|rows|columns",
     .help = "what is drawn at a time: rows of the Trotter lattice, columns, or the shorter of them"},
    {"symmetry", DECK_WORD, COMMON(symmetry), "none", .words = "none|z2|z2_translations",
     .help =
         "average the density over this group (one more pass per element): global flip, and shifts by half a lattice"},
    {"gauge", DECK_BOOL, COMMON(gauge), "false", .help = "exact Z2 by drawing s_i s_0 and a global flip"},
    {"lanes", DECK_INT, COMMON(lanes), "64", 1, 1024, .help = "samples per shard (S): 1, 8, 16, 32, ... 1024"},
    {0},
};

typedef struct self {
  const trotter *t;
  ring_choice ring;
  bool columns;
  int n, nfree;
  int *site, *position; /* (n) of a variable; of a site */
  int8_t *sign;         /* (n) */
  int (*from)[3];       /* (n) variables whose product it is, or from[0] < 0: a choice */
  int (*pair)[4];       /* (plaquettes) variables: left, right before the layer; left, right after it */
  nn_causal causal;
} self;

static void release(void *p) {
  self *a = p;
  causal_free(&a->causal);
  free(a->site), free(a->position), free(a->sign), free(a->from), free(a->pair);
  free(a);
}

/* ---- weights ---- */

/* ln W by (pair unequal, turned). A type that is not allowed gets the value that makes c3 vanish: it is never met. */
static void pair_weights(const self *a, double beta, double lnW[2][2]) {
  trotter_weights w = trotter_weigh(a->t, beta);
  lnW[0][0] = w.lnW[a->columns ? TROTTER_CROSSING : TROTTER_PARALLEL];
  lnW[1][0] = w.lnW[TROTTER_STRAIGHT];
  lnW[1][1] = w.lnW[a->columns ? TROTTER_PARALLEL : TROTTER_CROSSING];
  lnW[0][1] = a->t->six_vertex ? lnW[0][0] + lnW[1][1] - lnW[1][0] : w.lnW[TROTTER_FLIP];
}

static void target(const void *p, const nn_real *x, double beta, int S, double *lnw, double *tmp) {
  const self *a = p;
  double lnW[2][2], c[4];
  pair_weights(a, beta, lnW);
  for (int k = 0; k < 4; k++) /* k bit 0: eq, bit 1: kept */
    c[k] = (lnW[0][0] + (k & 1 ? -1 : 1) * lnW[1][0] + (k & 2 ? -1 : 1) * lnW[0][1] +
            (k == 1 || k == 2 ? -1 : 1) * lnW[1][1]) /
           4;
  for (int i = 0; i < S; i++) lnw[i] = c[0] * a->t->nplaquettes;
  for (int q = 0; q < a->t->nplaquettes; q++) {
    const nn_real *u = x + (size_t)a->pair[q][0] * S, *v = x + (size_t)a->pair[q][1] * S;
    const nn_real *now = x + (size_t)a->pair[q][2] * S;
    for (int i = 0; i < S; i++) {
      double eq = (double)(u[i] * v[i]), kept = (double)(u[i] * now[i]);
      lnw[i] += c[1] * eq + c[2] * kept + c[3] * eq * kept;
    }
  }
  double h = beta * a->t->field / (2 * a->t->rows);
  for (int t = 0; t < a->n && h != 0; t++)
    for (int i = 0; i < S; i++) lnw[i] += h * a->sign[t] * (double)x[(size_t)t * S + i];
}

static void measure(const void *p, const int8_t *s, double *obs) {
  const self *a = p;
  int count[TROTTER_TYPES];
  trotter_count(a->t, s, count);
  for (int k = 0; k < TROTTER_ILLEGAL; k++) obs[AR_TROTTER_COUNT + k] = count[k];
  obs[AR_TROTTER_M] = trotter_mag(a->t, s), obs[AR_TROTTER_MST] = trotter_staggered(a->t, s);
}

/* ---- which choices there are ---- */
static size_t mask_bytes(const void *p, int S) {
  const self *a = p;
  return a->t->six_vertex ? ring_choice_bytes(a->ring, S) : 0;
}

static void force_product(const int from[3], const nn_real *x, int S, nn_real *z) {
  const nn_real *a = x + (size_t)from[0] * S, *b = x + (size_t)from[1] * S, *c = x + (size_t)from[2] * S;
  for (int i = 0; i < S; i++) z[i] = AR_FORCED * a[i] * b[i] * c[i];
}

static void mask(const void *p, void *work, const nn_real *x, int t, int S, nn_real *z) {
  const self *a = p;
  int L = a->ring.length;
  signed char stay[1024], turn[1024];
  if (a->t->six_vertex && t >= L && a->from[t][0] < 0) {
    const nn_real *was = x + (size_t)(t - L) * S;
    ring_choice_ask(a->ring, work, x, t, S, (signed char *[]){stay, turn});
    for (int i = 0; i < S; i++) {
      if (!turn[i]) z[i] = AR_FORCED * was[i];
      if (!stay[i]) z[i] = -AR_FORCED * was[i];
    }
    return;
  }
  if (a->t->six_vertex) ring_choice_pass(a->ring, work, x, t, S);
  if (a->from[t][0] >= 0) force_product(a->from[t], x, S, z);
}

static int replicas_of(const void *p, replica_set *out, const char *name, int total, const deck *d, const comm *c,
                       uint32_t seed, err *e) {
  return worldline_replicas(out, d, name, total, ((const self *)p)->t, c, seed, e);
}

static const ar_model trotter_model_drawn = {.name = "trotter",
                                             .nobs = AR_TROTTER_NOBS,
                                             .free = release,
                                             .mask_bytes = mask_bytes,
                                             .mask = mask,
                                             .target = target,
                                             .measure = measure,
                                             .chain = replicas_of};

/* ---- building ---- */

/* Variable l L + p: row l, column p, or the other way about. */
static int layout(self *a, err *e) {
  const trotter *t = a->t;
  size_t n = (size_t)(a->n = t->n);
  int L = a->ring.length;
  a->site = malloc(n * sizeof *a->site), a->position = malloc(n * sizeof *a->position), a->sign = malloc(n);
  a->from = malloc(n * sizeof *a->from), a->pair = malloc((size_t)t->nplaquettes * sizeof *a->pair);
  if (!a->site || !a->position || !a->sign || !a->from || !a->pair)
    return err_set(e, ERR_RUN, "proposal: out of memory");
  for (int k = 0; k < a->n; k++) {
    int l = k / L, p = k % L, row = a->columns ? p : l, column = a->columns ? l : p;
    a->site[k] = row * t->sites + column;
    a->position[a->site[k]] = k;
    a->sign[k] = a->columns && (row + column) % 2 ? -1 : 1;
  }
  for (int q = 0; q < t->nplaquettes; q++) { /* corners tl, tr, bl, br */
    static const int in_rows[4] = {0, 1, 2, 3}, in_columns[4] = {0, 2, 1, 3};
    for (int k = 0; k < 4; k++) a->pair[q][k] = a->position[t->corner[q][a->columns ? in_columns[k] : in_rows[k]]];
  }
  return 0;
}

/* from, in variables instead of sites. */
static int dependents(self *a, err *e) {
  int(*by_site)[3] = malloc((size_t)a->n * sizeof *by_site);
  if (!by_site) return err_set(e, ERR_RUN, "proposal: out of memory");
  if (!trotter_dependents(a->t, a->site, by_site, e))
    for (int k = 0; k < a->n; k++) {
      const int *s = by_site[a->site[k]];
      a->nfree += s[0] < 0;
      for (int q = 0; q < 3; q++) a->from[k][q] = s[0] < 0 ? -1 : a->position[s[q]];
    }
  free(by_site);
  return e->code;
}

/* First guess of the linear weight of variable t on u: u stood at t's place one layer before, ln(W kept / W turned);
 * both are a pair of the next layer (or, in layer 0, of the last), ln of the weights of an equal over an unequal pair.
 */
typedef struct guess_context {
  const self *a;
  double kept, equal;
} guess_context;

static double guess(const void *ctx, int t, int u) {
  const guess_context *g = ctx;
  ring_choice c = g->a->ring;
  int l = t / c.length, p = t % c.length, q = u % c.length;
  if (u == t - c.length) return g->kept;
  if (u / c.length != l || ((p - q + c.length) % c.length != 1 && (q - p + c.length) % c.length != 1)) return 0;
  int right = (p - q + c.length) % c.length == 1 ? p : q; /* of the pair; of this layer or the next by its parity */
  return (right - l) % 2 != 0 || !l ? g->equal : 0;
}

static int find_causal(self *a, err *e) {
  factors f = {.n = a->t->nplaquettes};
  double lnW[2][2];
  pair_weights(a, a->t->beta, lnW);
  guess_context g = {a, lnW[1][0] - lnW[1][1], 0};
  double turned = a->t->six_vertex ? 0 : exp(lnW[0][1] - lnW[0][0]);
  if (!a->t->six_vertex) g.kept = (g.kept + lnW[0][0] - lnW[0][1]) / 2;
  g.equal = lnW[0][0] - lnW[1][0] + log1p(turned) - log1p(exp(lnW[1][1] - lnW[1][0]));
  bool *idle = malloc((size_t)a->n * sizeof *idle);
  f.start = malloc(((size_t)f.n + 1) * sizeof *f.start), f.member = malloc(4 * (size_t)f.n * sizeof *f.member);
  int bad = !idle || !f.start || !f.member;
  for (int q = 0; q <= f.n && !bad; q++) f.start[q] = 4 * q;
  for (int q = 0; q < 4 * f.n && !bad; q++) f.member[q] = a->pair[q / 4][q % 4];
  for (int k = 0; k < a->n && !bad; k++) idle[k] = a->from[k][0] >= 0;
  bad = bad || causal_build(&a->causal, a->ring.layers, a->ring.length, a->n, &f, idle, guess, &g);
  free(idle), free(f.start), free(f.member);
  return bad ? err_set(e, ERR_RUN, "proposal: out of memory") : 0;
}

/* Global flip, and shifts by half a lattice in time, space and both. */
static int symmetries(ar *a, const self *p, int word, const deck *d, err *e) {
  const trotter *t = p->t;
  int halves = word == SYMMETRY_HALVES ? 4 : 1, flips = word == SYMMETRY_NONE ? 1 : 2;
  if ((flips > 1 || a->conf.gauge) && t->field != 0)
    return err_set(e, ERR_DECK, "%s: the global flip is no symmetry of a chain in a field",
                   deck_where(d, "draw", flips > 1 ? "symmetry" : "gauge"));
  if (halves > 1 && (t->sites % 4 || t->rows % 4))
    return err_set(e, ERR_DECK,
                   "%s: shifts by half a lattice need sites and rows that are multiples of 4, not %d and %d",
                   deck_where(d, "draw", "symmetry"), t->sites, t->rows);
  symmetry *s = a->g = symmetry_alloc(flips * halves, t->n, t->n);
  if (!s) return err_set(e, ERR_RUN, "symmetries: out of memory");
  for (int g = 0; g < s->size; g++) {
    int shift = g / flips, down = shift & 1 ? t->rows / 2 : 0, along = shift & 2 ? t->sites / 2 : 0;
    s->sign[g] = g % flips ? -1 : 1;
    for (int i = 0; i < t->n; i++) {
      int row = (i / t->sites + down) % t->rows, column = (i % t->sites + along) % t->sites;
      s->site[(size_t)g * t->n + i] = row * t->sites + column;
    }
    symmetry_place(s, g, t->n, t->n, p->site, p->position);
  }
  return 0;
}

int ar_trotter_new(ar **out, const trotter *t, const deck *d, err *e) {
  ar *a = *out = calloc(1, sizeof *a);
  self *p = calloc(1, sizeof *p);
  draw_conf c;
  if (!a || !p) {
    free(p);
    return err_set(e, ERR_RUN, "proposal: out of memory");
  }
  deck_get(d, "draw", ar_trotter_keys, &c);
  *a = (ar){.model = &trotter_model_drawn, .self = p, .n = t->n, .sites = t->n, .beta = t->beta, .conf = c.common};
  p->t = t;
  p->columns = c.ring == RING_COLUMNS || (c.ring == RING_SHORTER && t->rows < t->sites);
  p->ring = p->columns ? (ring_choice){t->rows, t->sites} : (ring_choice){t->sites, t->rows};
  if (!trotter_allowed(t, TROTTER_CROSSING))
    return err_set(e, ERR_DECK,
                   "%s: Jx = -Jy forbids exchanges (K+ = 0); turn every other spin by pi about x instead, "
                   "(Jx, Jy, Jz) -> (Jx, -Jy, -Jz)",
                   deck_where(d, "model", "kind"));
  if (layout(p, e) || dependents(p, e) || find_causal(p, e)) return e->code;
  a->causal = &p->causal, a->site = p->site, a->sign = p->sign;
  return symmetries(a, p, c.common.symmetry, d, e) ? e->code : ar_finish(a, d, e);
}

int ar_trotter_free_choices(const ar *a) {
  return ((const self *)a->self)->nfree;
}
