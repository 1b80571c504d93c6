/* chain_swendsen_wang.c: Swendsen and Wang, Phys. Rev. Lett. 58 (1987) 86, for any couplings without field. Satisfied
 * bonds (J s s' > 0) become active with chance 1 - exp(-2 beta |J|); each cluster of active bonds is flipped with
 * chance 1/2. Improved estimators (mean over all cluster signs; M_c, S_c: sum of s, of s exp(ikr) over cluster c,
 * before the flips): M^2 = sum M_c^2,   M^4 = 3 (sum M_c^2)^2 - 2 sum M_c^4,   S(k) = sum |S_c|^2. Square lattices with
 * equal couplings: rows fall into runs of sites joined by active horizontal bonds, found without a branch; only runs
 * enter the union-find, over vertical bonds whose plaquette does not close anyway. Chances are rounded to 2^-32, a
 * shift of beta below 1e-9. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "samplers/chain_clusters.h"
#include "samplers/chain_lanes.h"
#include "samplers/chain_local.h"

typedef struct sw_conf {
  bool improved;
} sw_conf;

static const deck_key keys[] = {
    {.name = "improved",
     .type = DECK_BOOL,
     .at = offsetof(sw_conf, improved),
     .def = "true",
     .help = "improved estimators of M^2, M^4 and the structure factor"},
    {0},
};

typedef struct sw {
  bool square, improved;
  uint32_t chance;    /* square: of every bond */
  uint8_t wanted;     /* square: 1 where spins of a satisfied bond differ */
  uint32_t *chances;  /* graph: (nbonds) */
  double (*along)[3]; /* square: (cols+1) sums over columns before x of z, z cos, z sin; z = (sign J)^x, the pattern of
                         a run */
} sw;

typedef struct scratch {         /* of a thread; n sites */
  uint32_t *random;              /* (2 BLOCK) */
  double (*wave)[4];             /* (n) S_c of roots: cos, sin along rows, along columns */
  int32_t *parent, *label, *mag; /* (n) of runs; site -> run; M_c of roots */
  int32_t *begin;                /* (n+1) first site of each run */
  int8_t *flip;                  /* (n) 0 or -1 */
  uint8_t *left, *up, *wrap;     /* (n) active bonds of each site; of column 0 around the torus */
} scratch;

enum { BLOCK = 1024 }; /* sites whose random numbers are made at a time */

static size_t slot(size_t bytes) {
  return (bytes + 127) / 64 * 64;
} /* room for a vector beyond the end */

static size_t scratch_bytes(int sites) {
  size_t n = (size_t)sites;
  return slot(8 * BLOCK) + slot(32 * n) + 4 * slot(4 * n) + 4 * slot(n);
}

static scratch scratch_of(int sites, void *work) {
  size_t n = (size_t)sites;
  char *p = work;
  scratch w;
  w.random = (uint32_t *)p, p += slot(8 * BLOCK);
  w.wave = (double(*)[4])p, p += slot(32 * n);
  w.parent = (int32_t *)p, p += slot(4 * n);
  w.label = (int32_t *)p, p += slot(4 * n);
  w.mag = (int32_t *)p, p += slot(4 * n);
  w.begin = (int32_t *)p, p += slot(4 * n);
  w.flip = (int8_t *)p, p += slot(n);
  w.left = (uint8_t *)p, p += slot(n);
  w.up = (uint8_t *)p, p += slot(n);
  w.wrap = (uint8_t *)p;
  return w;
}

/* ---- making ---- */

static int applies(const ising *m, err *e) {
  if (m->h) return err_set(e, ERR_DECK, "chain swendsen-wang needs zero field: take kind metropolis or heatbath");
  return 0;
}

static uint32_t bond_chance(double beta, double J) {
  double p = -expm1(-2 * beta * fabs(J)) * 0x1p32;
  return p < 0x1p32 - 1 ? (uint32_t)llround(p) : UINT32_MAX;
}

static int fill_along(sw *a, const ising *m) {
  const lattice *l = m->lat;
  const double *cosine = m->wave + l->rows, *sine = cosine + l->rows + l->cols;
  a->along = calloc((size_t)l->cols + 1, sizeof *a->along);
  for (int x = 0; a->along && x < l->cols; x++) {
    int z = a->wanted && x % 2 ? -1 : 1;
    a->along[x + 1][0] = a->along[x][0] + z;
    a->along[x + 1][1] = a->along[x][1] + z * cosine[x];
    a->along[x + 1][2] = a->along[x][2] + z * sine[x];
  }
  return !a->along;
}

static int fill_chances(sw *a, const ising *m) {
  a->chances = malloc(sizeof(uint32_t) * ((size_t)m->lat->nbonds + 1));
  for (int b = 0; a->chances && b < m->lat->nbonds; b++) a->chances[b] = bond_chance(m->beta, m->J[b]);
  return !a->chances;
}

static int init(chain *c, const void *conf, err *e) {
  const ising *m = c->m;
  sw *a = c->self = calloc(1, sizeof *a);
  if (!a) return err_set(e, ERR_RUN, "%s: out of memory for tables", c->name);
  a->improved = conf ? ((const sw_conf *)conf)->improved : true;
  a->square = m->uniform != 0 && !strcmp(m->lat->name, "square");
  a->chance = bond_chance(m->beta, m->uniform);
  a->wanted = m->uniform < 0;
  c->work_bytes = scratch_bytes(m->lat->n);
  if (a->square ? fill_along(a, m) : fill_chances(a, m))
    return err_set(e, ERR_RUN, "%s: out of memory for tables", c->name);
  return 0;
}

static void done(chain *c) {
  sw *a = c->self;
  if (!a) return;
  free(a->chances);
  free(a->along);
  free(a);
}

/* ---- square lattice ---- */

/* left[i], up[i] = 1 with the bond's chance, for all sites in blocks. */
static void toss_bonds(const sw *a, scratch w, int n, lanes *g) {
  for (int from = 0; from < n; from += BLOCK) {
    int count = n - from < BLOCK ? n - from : BLOCK, vectors = (2 * count + 15) / 16;
    for (int k = 0; k < vectors; k++) ((lanes_word *)w.random)[k] = lanes_next(g);
    uint8_t *restrict left = w.left + from, *restrict up = w.up + from;
    const uint32_t *restrict r = w.random, chance = a->chance;
    for (int i = 0; i < count; i++) left[i] = r[i] < chance;
    for (int i = 0; i < count; i++) up[i] = r[count + i] < chance;
  }
}

/* bond[i] stays where s[i] and t[i] satisfy it. */
static void keep_satisfied(uint8_t *restrict bond, const int8_t *restrict s, const int8_t *restrict t, uint8_t wanted,
                           int n) {
  for (int i = 0; i < n; i++) bond[i] &= (uint8_t)(((uint8_t)(s[i] ^ t[i]) >> 7) ^ wanted ^ 1);
}

static void activate(const sw *a, const lattice *l, scratch w, const int8_t *s, lanes *g) {
  int n = l->n, cols = l->cols, last = n - cols;
  toss_bonds(a, w, n, g);
  for (int y = 0; y < l->rows; y++) w.wrap[y] = w.left[y * cols] & l->periodic;
  keep_satisfied(w.left + 1, s + 1, s, a->wanted, n - 1);
  keep_satisfied(w.up + cols, s + cols, s, a->wanted, last);
  keep_satisfied(w.up, s, s + last, a->wanted, cols);
  if (!l->periodic) memset(w.up, 0, (size_t)cols);
  for (int y = 0; y < l->rows; y++) {
    keep_satisfied(w.wrap + y, s + y * cols, s + y * cols + cols - 1, a->wanted, 1);
    w.left[y * cols] = 0;
  }
}

/* Vertical bonds of a row (of sites from `i0`, above it from `j0`) joined, but for those whose plaquette's other three
 * are active. */
static void join_row(scratch w, int cols, int i0, int j0) {
  const uint8_t *up = w.up + i0, *left = w.left + i0, *above = w.left + j0;
  int32_t *hit = (int32_t *)w.random; /* free by now */
  for (int from = 0; from < cols; from += BLOCK) {
    int count = 0, end = from + BLOCK < cols ? from + BLOCK : cols;
    for (int x = from; x < end; x++) {
      hit[count] = x;
      count += up[x] & ~(x ? up[x - 1] & left[x] & above[x] : 0);
    }
    for (int k = 0; k < count; k++) clusters_join(w.parent, w.label[i0 + hit[k]], w.label[j0 + hit[k]]);
  }
}

/* Labels runs and joins them; returns the number of runs. */
static int label_square(const lattice *l, scratch w) {
  int n = l->n, cols = l->cols, runs = 0;
  for (int i = 0; i < n; i++) {
    w.begin[runs] = i;
    runs += 1 - w.left[i];
    w.label[i] = runs - 1;
  }
  w.begin[runs] = n;
  for (int k = 0; k < runs; k++) w.parent[k] = k;
  for (int y = 0; y < l->rows; y++) {
    if (y) join_row(w, cols, y * cols, (y - 1) * cols);
    if (w.wrap[y]) clusters_join(w.parent, w.label[y * cols], w.label[y * cols + cols - 1]);
  }
  join_row(w, cols, 0, n - cols);
  return runs;
}

/* ---- any graph ---- */

static int label_graph(const sw *a, const ising *m, scratch w, const int8_t *s, lanes *g) {
  const lattice *l = m->lat;
  for (int i = 0; i < l->n; i++) w.parent[i] = w.label[i] = i;
  lanes_word r = {0};
  for (int b = 0; b < l->nbonds; b++) {
    int i = l->bond[b][0], j = l->bond[b][1], k = b % 16;
    if (!k) r = lanes_next(g);
    if (m->J[b] * s[i] * s[j] > 0 && (uint32_t)(r[k / 2] >> 32 * (k % 2)) < a->chances[b])
      clusters_join(w.parent, i, j);
  }
  return l->n;
}

/* ---- all clusters known: measure, flip ---- */

typedef double four __attribute__((vector_size(32)));

/* M_c and S_c of a square lattice, run by run: sites a..b-1 of a row hold s[a] z^(x-a). */
static void sum_runs(const sw *a, const ising *m, scratch w, const int8_t *s) {
  const lattice *l = m->lat;
  for (int y = 0, k = 0; y < l->rows; y++) {
    double row_cos = m->wave[y], row_sin = m->wave[l->rows + l->cols + y];
    for (int end = (y + 1) * l->cols; w.begin[k] < end; k++) {
      int i = w.begin[k], x = i - y * l->cols;
      const double *from = a->along[x], *to = a->along[w.begin[k + 1] - y * l->cols];
      double sign = a->wanted && x % 2 ? -s[i] : s[i], mag = sign * (to[0] - from[0]);
      four *sum = (four *)w.wave[w.parent[k]];
      *sum += (four){mag * row_cos, mag * row_sin, sign * (to[1] - from[1]), sign * (to[2] - from[2])};
      w.mag[w.parent[k]] += (int32_t)mag;
    }
  }
}

static void sum_sites(const ising *m, scratch w, const int8_t *s) {
  const lattice *l = m->lat;
  for (int i = 0; i < l->n; i++) w.mag[w.parent[i]] += s[i];
  if (!m->wave) return;
  const double *row = m->wave, *col = row + l->rows, *row_sin = col + l->cols, *col_sin = row_sin + l->rows;
  for (int y = 0, i = 0; y < l->rows; y++)
    for (int x = 0; x < l->cols; x++, i++) {
      four *sum = (four *)w.wave[w.parent[i]], v = {row[y], row_sin[y], col[x], col_sin[x]};
      *sum += v * (double)s[i];
    }
}

static void improve(const sw *a, const ising *m, scratch w, const int8_t *s, int clusters,
                    double better[CHAIN_NIMPROVED]) {
  double m2 = 0, m4 = 0;
  four sk = {0};
  memset(w.mag, 0, sizeof *w.mag * (size_t)clusters);
  memset(w.wave, 0, sizeof *w.wave * (size_t)clusters);
  if (a->square)
    sum_runs(a, m, w, s);
  else
    sum_sites(m, w, s);
  for (int k = 0; k < clusters; k++) {
    double x = (double)w.mag[k] * w.mag[k];
    four z = *(four *)w.wave[k];
    m2 += x, m4 += x * x, sk += z * z;
  }
  better[CHAIN_M2] = m2, better[CHAIN_M4] = 3 * m2 * m2 - 2 * m4,
  better[CHAIN_SK] = (sk[0] + sk[1] + sk[2] + sk[3]) / 2;
}

/* Each root has a random bit, its members follow. */
static void flip(scratch w, int8_t *restrict s, int n, int clusters, lanes *g) {
  int8_t *restrict f = w.flip;
  for (int k = 0; k < clusters; k += 64) {
    lanes_word r = lanes_next(g);
    memcpy(f + k, &r, 64); /* flip has room for it */
  }
  for (int k = 0; k < clusters; k++) f[k] = (int8_t)(f[k] >> 7);
  for (int k = 0; k < clusters; k++) f[k] = f[w.parent[k]];
  for (int i = 0; i < n; i++) s[i] = (int8_t)((s[i] ^ f[w.label[i]]) - f[w.label[i]]);
}

static void sweep(chain *c, int unit, uint32_t step, int flags, void *work) {
  const sw *a = c->self;
  const lattice *l = c->m->lat;
  int8_t *s = chain_bytes(c, unit);
  double *better = c->extra + (size_t)unit * CHAIN_NIMPROVED;
  scratch w = scratch_of(l->n, work);
  lanes g = lanes_seed(c->stream, (uint64_t)(c->unit_first + unit), step);
  if (a->square) activate(a, l, w, s, &g);
  int clusters = a->square ? label_square(l, w) : label_graph(a, c->m, w, s, &g);
  clusters_flatten(w.parent, clusters);
  if (a->improved && (flags & CHAIN_LAST))
    improve(a, c->m, w, s, clusters, better);
  else
    better[CHAIN_M2] = better[CHAIN_M4] = better[CHAIN_SK] = NAN;
  flip(w, s, l->n, clusters, &g);
}

const chain_type chain_swendsen_wang = {
    .kind = {"swendsen-wang", "all clusters at once, no field; improved estimators", keys},
    .tag = "sw",
    .conf_size = sizeof(sw_conf),
    .unit = 1,
    .nextra = CHAIN_NIMPROVED,
    .improved = true,
    .applies = applies,
    .init = init,
    .done = done,
    .sweep = sweep,
    .get = chain_bytes_get,
    .put = chain_bytes_put,
};
