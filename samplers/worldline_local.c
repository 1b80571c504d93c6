/* worldline_local.c: local and winding moves for every Trotterised chain, field included (moves of world lines: Cullen
 * & Landau, Phys. Rev. B 27 (1983) 297; closed walks: Barkema & Newman, Phys. Rev. E 57 (1998) 1155).
 *
 * A move turns over a set of sites that has an even number in common with every weighted plaquette, and is accepted
 * with chance 15/16 min(1, W'/W) (why not 1: see chain_metropolis.c). In a sweep, one after the other:
 *
 *   plaquettes   the four corners of each plaquette without weight
 *   columns      a whole column: a straight world line appears or goes (M)
 *   rows         a whole row: in an alternating row every line winds about the ring
 *   walks        N/2 closed walks: from a random site, at every plaquette out by a random corner among those that lead
 *                to an allowed type, until a plaquette is met again; the tail is dropped. As many ways lead out of
 *                every type as out of every other (six-vertex: 2, eight-vertex: 3), so a walk and its reverse are
 *                equally likely.
 *
 * Two allowed configurations differ by such a set. Where all eight types are allowed, plaquettes, one column and one
 * row generate all sets; otherwise the difference falls into closed walks that can be turned one by one (with six
 * vertices: directed cycles of the arrows). So every sector is reached: any M, any winding. */
#include <math.h>
#include <stdlib.h>

#include "samplers/worldline.h"

enum { LINES = 4 }; /* pairings: corner k of a plaquette turns together with corner k ^ pairing, 1 .. 3 */

typedef struct local {
  uint32_t (*chance)[5]; /* (256, 5) of a plaquette without weight: patterns around, sum of its spins; times 2^32 */
  double gain[LINES][4]; /* by pairing (0: nothing or all four), pattern: change of lnW */
  uint8_t way[4][3];     /* by pattern: pairings to allowed ones                                                    */
  uint32_t ways;
  double tilt; /* change of beta h M by turning a spin +1; -1: the opposite */
} local;

typedef struct step { /* of a walk */
  int site, plaquette, out, pattern;
} step;

typedef struct scratch { /* of a thread */
  step *path;            /* (nplaquettes + 1)                                            */
  int32_t *seen;         /* (nplaquettes) 1 + number of the step that met it; 0: none, as everywhere between walks */
} scratch;

static scratch scratch_of(const trotter *t, void *work) {
  step *path = work;
  return (scratch){path, (int32_t *)(path + t->nplaquettes + 1)};
}

/* ---- making ---- */

static int applies(const trotter *t, err *e) {
  return 0;
}

/* Of an allowed plaquette: (tl != tr) + 2 (tl != bl). */
static inline int pattern_at(const trotter *t, const int8_t *s, int p) {
  const int *c = t->corner[p];
  return (s[c[0]] != s[c[1]]) + 2 * (s[c[0]] != s[c[2]]);
}
static const int type_of[4] = {TROTTER_PARALLEL, TROTTER_STRAIGHT, TROTTER_FLIP, TROTTER_CROSSING};
static const int toggles[LINES] = {0, 2, 1, 3}; /* what turning corners k and k ^ pairing does to it */

static uint32_t chance_of(double gain) {
  return (uint32_t)(.9375 * 0x1p32 * exp(fmin(gain, 0)));
}

/* Index: the patterns of the plaquettes above, below, left and right. On two rows those above and below turn as a
 * whole.
 */
static void fill_chances(local *a, const trotter *t) {
  int upright = t->rows > 2 ? 1 : 0, pairing[4] = {upright, upright, 2, 2};
  for (int k = 0; k < 256; k++)
    for (int sum = -4; sum <= 4; sum += 2) {
      double gain = a->tilt * sum;
      for (int j = 0; j < 4; j++) {
        int pattern = k >> 2 * j & 3;
        gain += trotter_allowed(t, type_of[pattern]) ? a->gain[pairing[j]][pattern] : -INFINITY;
      }
      a->chance[k][sum / 2 + 2] = chance_of(gain);
    }
}

static int init(worldline *c, err *e) {
  const trotter *t = c->t;
  local *a = c->self = calloc(1, sizeof *a);
  if (!a || !(a->chance = malloc(256 * sizeof *a->chance)))
    return err_set(e, ERR_RUN, "%s: out of memory for tables", c->name);
  a->tilt = -t->beta * t->field / t->rows;
  for (int pattern = 0; pattern < 4; pattern++) {
    uint32_t ways = 0;
    for (int x = 1; x < LINES; x++) {
      int to = type_of[pattern ^ toggles[x]];
      a->gain[x][pattern] = t->w.lnW[to] - t->w.lnW[type_of[pattern]];
      if (trotter_allowed(t, to)) a->way[pattern][ways++] = (uint8_t)x;
    }
    if (trotter_allowed(t, type_of[pattern])) a->ways = ways;
  }
  fill_chances(a, t);
  c->work_bytes = ((size_t)t->nplaquettes + 1) * (sizeof(step) + sizeof(int32_t));
  return 0;
}

static void done(worldline *c) {
  local *a = c->self;
  if (!a) return;
  free(a->chance);
  free(a);
}

/* ---- plaquettes without weight ---- */

static inline unsigned differ(int8_t a, int8_t b, int bit) {
  return ((unsigned)(a ^ b) >> 1 & 1) << bit;
}

/* Those with lower right corners in row r: four rows around them, r - 2 to r + 1. */
static void sweep_row(const local *a, const trotter *t, int8_t *s, int r, rng_fast *g) {
  int N = t->sites, rows = t->rows;
  int8_t *top = s + (r + rows - 1) % rows * N, *low = s + r * N;
  const int8_t *over = s + (r + rows - 2) % rows * N, *under = s + (r + 1) % rows * N;
  uint64_t u = 0;
  for (int c = (r + 1) % 2, k = 0; c < N; c += 2, k++) {
    int l = c ? c - 1 : N - 1, far = l ? l - 1 : N - 1, next = c + 1 < N ? c + 1 : 0;
    unsigned around = differ(over[l], over[c], 0) | differ(over[l], top[l], 1) | differ(low[l], low[c], 2) |
                      differ(low[l], under[l], 3) | differ(top[far], top[l], 4) | differ(top[far], low[far], 5) |
                      differ(top[c], top[next], 6) | differ(top[c], low[c], 7);
    int sum = top[l] + top[c] + low[l] + low[c];
    u = k & 1 ? u >> 32 : rng_fast_next(g);
    int8_t by = (uint32_t)u < a->chance[around][sum / 2 + 2] ? -1 : 1;
    top[l] *= by, top[c] *= by, low[l] *= by, low[c] *= by;
  }
}

/* ---- columns and rows ---- */

static bool accepted(double gain, rng_fast *g) {
  return gain > -INFINITY && rng_fast_next(g) >> 32 < chance_of(gain);
}

static void try_column(const local *a, const trotter *t, int8_t *s, int c, rng_fast *g) {
  double gain = 0;
  for (int i = c; i < t->n && gain > -INFINITY; i += t->sites)
    gain += a->gain[2][pattern_at(t, s, t->plaquette[i][1])] + a->tilt * s[i];
  if (!accepted(gain, g)) return;
  for (int i = c; i < t->n; i += t->sites) s[i] = (int8_t)-s[i];
}

/* Every other site has all plaquettes of the row, above and below. */
static void try_row(const local *a, const trotter *t, int8_t *s, int r, rng_fast *g) {
  double gain = 0;
  int from = r * t->sites, end = from + t->sites;
  for (int i = from; i < end && gain > -INFINITY; i += 2)
    gain += a->gain[1][pattern_at(t, s, t->plaquette[i][0])] + a->gain[1][pattern_at(t, s, t->plaquette[i][1])] +
            a->tilt * (s[i] + s[i + 1]);
  if (!accepted(gain, g)) return;
  for (int i = from; i < end; i++) s[i] = (int8_t)-s[i];
}

/* ---- closed walks ---- */

static int corner_of(const trotter *t, int p, int site) {
  int k = 0;
  while (t->corner[p][k] != site) k++;
  return k;
}

/* Walks until a plaquette is met again. Returns the number of steps; path[n] is where that plaquette was entered. */
static int walk(const local *a, const trotter *t, scratch w, const int8_t *s, rng_fast *g) {
  uint64_t u = rng_fast_next(g);
  int site = (int)((u >> 32) * (unsigned)t->n >> 32), down = (int)(u & 1), n = 0;
  for (;; n++) {
    int p = t->plaquette[site][down], in = corner_of(t, p, site);
    w.path[n] = (step){site, p, in, 0};
    if (w.seen[p]) return n;
    w.seen[p] = n + 1;
    int pattern = pattern_at(t, s, p), out = in ^ a->way[pattern][(rng_fast_next(g) >> 32) * a->ways >> 32];
    w.path[n].out = out, w.path[n].pattern = pattern;
    site = t->corner[p][out];
    down = out >= 2;
  }
}

/* The closed part of the walk: plaquettes path[first .. n-1], where the first is left at `out` and met again at the
 * corner path[n].out; sites path[first+1 .. n]. */
static void try_walk(const local *a, const trotter *t, scratch w, int8_t *s, rng_fast *g) {
  int n = walk(a, t, w, s, g), first = w.seen[w.path[n].plaquette] - 1;
  double gain = 0;
  for (int k = first; k < n; k++) {
    const step *now = &w.path[k];
    int in = k == first ? w.path[n].out : corner_of(t, now->plaquette, now->site);
    gain += a->gain[in ^ now->out][now->pattern] + a->tilt * s[w.path[k + 1].site];
  }
  for (int k = 0; k < n; k++) w.seen[w.path[k].plaquette] = 0;
  if (!accepted(gain, g)) return;
  for (int k = first; k < n; k++) s[w.path[k + 1].site] = (int8_t)-s[w.path[k + 1].site];
}

static void sweep(const worldline *c, int replica, uint32_t step_number, void *work) {
  const local *a = c->self;
  const trotter *t = c->t;
  int8_t *s = worldline_spins(c, replica);
  scratch w = scratch_of(t, work);
  rng_fast g = rng_fast_seed(c->stream, (uint64_t)(c->first + replica), step_number, 0);
  for (int r = 0; r < t->rows; r++) sweep_row(a, t, s, r, &g);
  for (int k = 0; k < t->sites; k++) try_column(a, t, s, k, &g);
  for (int r = 0; r < t->rows; r++) try_row(a, t, s, r, &g);
  for (int k = 0; a->ways > 0 && k < t->sites / 2; k++) try_walk(a, t, w, s, &g);
}

const worldline_type worldline_local = {
    .kind = {"local", "plaquettes, columns, rows and closed walks: any couplings, any field", NULL},
    .tag = "local",
    .applies = applies,
    .init = init,
    .done = done,
    .sweep = sweep,
};
