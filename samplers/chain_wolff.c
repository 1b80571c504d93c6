/* chain_wolff.c: single-cluster updates (Wolff, Phys. Rev. Lett. 62 (1989) 361) for any couplings without field.
 * From a random site a cluster grows over satisfied bonds (J s s' > 0), each taken with chance 1 - exp(-2 beta |J|),
 * and is flipped. A sweep is a number of clusters fixed in advance (stopping when enough spins are flipped would bias
 * the measurement): the key `clusters`, or settled by each replica in chain_thermalise so that about N spins are
 * flipped, or one. Improved estimators, averaged over the clusters of the last sweep: M^2 = N (sum of s over the
 * cluster)^2 / size, and the structure factor alike; M^4 has none. Chances are rounded to 2^-32, a shift of beta below
 * 1e-9. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "samplers/chain_local.h"

typedef struct wolff_conf {
  long clusters;
} wolff_conf;

static const deck_key keys[] = {
    {.name = "clusters",
     .type = DECK_INT,
     .at = offsetof(wolff_conf, clusters),
     .def = "0",
     .min = 0,
     .max = 1e6,
     .help = "clusters per sweep; 0: settled in thermalisation"},
    {0},
};

enum {
  CLUSTERS = CHAIN_NIMPROVED,
  MEAN_SIZE,
  FLIPS,
  NEXTRA
}; /* doubles of state per replica after the improved estimators */

typedef struct wolff {
  long clusters;     /* of the key                                            */
  uint32_t chance;   /* of every bond where all couplings are equal           */
  uint32_t *chances; /* (2 nbonds) per entry of the neighbour list, or NULL  */
  bool ferromagnet;  /* equal couplings > 0                                   */
  int degree;        /* of every site, or 0 where they differ                 */
} wolff;

typedef struct growth { /* scratch of a thread */
  int *site;            /* (n+1) members in the order they joined       */
  uint32_t *mark;       /* (n) number of the cluster a site is in, or 0 */
} growth;

static growth growth_of(const chain *c, void *work) {
  int *site = work;
  return (growth){site, (uint32_t *)(site + c->m->lat->n + 1)};
}

static int applies(const ising *m, err *e) {
  if (m->h) return err_set(e, ERR_DECK, "chain wolff needs zero field: take kind metropolis or heatbath");
  return 0;
}

static uint32_t bond_chance(double beta, double J) {
  double p = -expm1(-2 * beta * fabs(J)) * 0x1p32;
  return p < 0x1p32 - 1 ? (uint32_t)llround(p) : UINT32_MAX;
}

static int common_degree(const lattice *l) {
  for (int i = 1; i < l->n; i++)
    if (l->start[i + 1] - l->start[i] != l->start[1]) return 0;
  return l->start[1];
}

static int init(chain *c, const void *conf, err *e) {
  const ising *m = c->m;
  const lattice *l = m->lat;
  wolff *a = c->self = calloc(1, sizeof *a);
  if (!a) return err_set(e, ERR_RUN, "%s: out of memory for tables", c->name);
  *a = (wolff){.clusters = conf ? ((const wolff_conf *)conf)->clusters : 0,
               .ferromagnet = m->uniform > 0,
               .degree = common_degree(l)};
  a->chance = bond_chance(m->beta, m->uniform);
  c->work_bytes = (sizeof(int) + sizeof(uint32_t)) * ((size_t)l->n + 1);
  for (int u = 0; u < c->units; u++) c->extra[u * NEXTRA + CLUSTERS] = a->clusters ? (double)a->clusters : 1;
  if (a->ferromagnet) return 0;
  a->chances = malloc(sizeof(uint32_t) * (2 * (size_t)l->nbonds + 1));
  if (!a->chances) return err_set(e, ERR_RUN, "%s: out of memory for tables", c->name);
  for (int k = 0; k < 2 * l->nbonds; k++) a->chances[k] = bond_chance(m->beta, m->J[l->via[k]]);
  return 0;
}

static void done(chain *c) {
  wolff *a = c->self;
  if (!a) return;
  free(a->chances);
  free(a);
}

/* ---- one cluster: grown and flipped; returns its size, its members in site[] ---- */

/* Equal couplings > 0: a neighbour with the old sign has not joined yet, no marks needed. No branch on the random bit.
 */
static inline __attribute__((always_inline)) int grow_ferromagnet(const wolff *a, const lattice *l, int degree,
                                                                  int8_t *s, int *site, int seed, rng_fast *g) {
  int size = 1;
  int8_t v = s[seed];
  uint64_t r = 0;
  site[0] = seed;
  s[seed] = (int8_t)-v;
  for (int head = 0; head < size; head++) {
    int i = site[head], from = degree ? degree * i : l->start[i], count = degree ? degree : l->start[i + 1] - from;
    for (int k = 0; k < count; k++) {
      int j = l->neighbour[from + k];
      r = k & 1 ? r >> 32 : rng_fast_next(g);
      int joins = (s[j] == v) & ((uint32_t)r < a->chance);
      site[size] = j;
      s[j] = (int8_t)(joins ? -v : s[j]);
      size += joins;
    }
  }
  return size;
}

static int grow_any(const wolff *a, const ising *m, int8_t *s, growth w, int seed, uint32_t number, rng_fast *g) {
  const lattice *l = m->lat;
  int size = 1;
  w.site[0] = seed;
  w.mark[seed] = number;
  for (int head = 0; head < size; head++) {
    int i = w.site[head];
    for (int k = l->start[i]; k < l->start[i + 1]; k++) {
      int j = l->neighbour[k];
      if (w.mark[j] == number || m->J[l->via[k]] * s[i] * s[j] <= 0 || rng_fast_next(g) >> 32 >= a->chances[k])
        continue;
      w.mark[j] = number;
      w.site[size++] = j;
    }
  }
  for (int k = 0; k < size; k++) s[w.site[k]] = (int8_t)-s[w.site[k]];
  return size;
}

static int grow(const chain *c, int8_t *s, growth w, uint32_t number, rng_fast *g) {
  const wolff *a = c->self;
  const lattice *l = c->m->lat;
  int seed = (int)((unsigned __int128)rng_fast_next(g) * (unsigned)l->n >> 64);
  if (!a->ferromagnet) return grow_any(a, c->m, s, w, seed, number, g);
  if (a->degree == 4) return grow_ferromagnet(a, l, 4, s, w.site, seed, g);
  return grow_ferromagnet(a, l, 0, s, w.site, seed, g);
}

/* ---- sweep ---- */

static void improve(const ising *m, const int8_t *s, const int *site, int size, double sum[CHAIN_NIMPROVED]) {
  const lattice *l = m->lat;
  double total = 0, x[4] = {0}, n = l->n;
  for (int k = 0; k < size; k++) total += s[site[k]];
  sum[CHAIN_M2] += n * total * total / size;
  for (int k = 0; m->wave && k < size; k++) {
    int i = site[k], row = i / l->cols, col = i % l->cols, width = l->rows + l->cols;
    x[0] += m->wave[row] * s[i], x[1] += m->wave[width + row] * s[i];
    x[2] += m->wave[l->rows + col] * s[i], x[3] += m->wave[width + l->rows + col] * s[i];
  }
  sum[CHAIN_SK] += n * (x[0] * x[0] + x[1] * x[1] + x[2] * x[2] + x[3] * x[3]) / (2 * size);
}

/* Clusters per sweep from a running mean of the size (memory of about 16 sweeps). */
static void settle(const wolff *a, double *extra, double mean, int n) {
  extra[MEAN_SIZE] += extra[MEAN_SIZE] > 0 ? (mean - extra[MEAN_SIZE]) / 16 : mean;
  if (!a->clusters) extra[CLUSTERS] = fmax(1, rint(n / extra[MEAN_SIZE]));
}

static void sweep(chain *c, int unit, uint32_t step, int flags, void *work) {
  double *extra = c->extra + (size_t)unit * NEXTRA, sum[CHAIN_NIMPROVED] = {0}, flips = 0;
  int8_t *s = chain_bytes(c, unit);
  const wolff *a = c->self;
  growth w = growth_of(c, work);
  int clusters = (int)extra[CLUSTERS];
  rng_fast g = rng_fast_seed(c->stream, (uint64_t)(c->unit_first + unit), step, 0);
  if (!a->ferromagnet) memset(w.mark, 0, sizeof *w.mark * (size_t)c->m->lat->n);
  for (int k = 0; k < clusters; k++) {
    int size = grow(c, s, w, (uint32_t)k + 1, &g);
    flips += size;
    if (flags & CHAIN_LAST) improve(c->m, s, w.site, size, sum);
  }
  extra[FLIPS] += flips;
  for (int k = 0; k < CHAIN_NIMPROVED; k++) extra[k] = k == CHAIN_M4 || !(flags & CHAIN_LAST) ? NAN : sum[k] / clusters;
  if (flags & CHAIN_THERMALISE) settle(a, extra, flips / clusters, c->m->lat->n);
}

const chain_type chain_wolff = {
    .kind = {"wolff", "single-cluster updates, no field", keys},
    .tag = "wolff",
    .conf_size = sizeof(wolff_conf),
    .unit = 1,
    .nextra = NEXTRA,
    .improved = true,
    .applies = applies,
    .init = init,
    .done = done,
    .sweep = sweep,
    .get = chain_bytes_get,
    .put = chain_bytes_put,
};
