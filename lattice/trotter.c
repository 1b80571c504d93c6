/* trotter.c: the Suzuki-Trotter lattice of a Heisenberg chain: trotter_from_deck, trotter_new, trotter_free, the
 * constraint (trotter_dependents, trotter_complete) and the table of the family. What is measured: trotter_measure.c.
 *
 * Breakup into even and odd bonds: Suzuki, Prog. Theor. Phys. 56 (1976) 1454; Barma & Shastry, Phys. Rev. B 18 (1978)
 * 3351; weights: Cullen & Landau, Phys. Rev. B 27 (1983) 297. */
#include "lattice/trotter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

extern const trotter_model trotter_model_xxx, trotter_model_xxz, trotter_model_xy, trotter_model_xyz;
const deck_kind *const trotter_models[] = {&trotter_model_xxx.kind, &trotter_model_xxz.kind, &trotter_model_xy.kind,
                                           &trotter_model_xyz.kind, NULL};

typedef struct lattice_conf {
  long sites, trotter;
} lattice_conf;
const deck_key trotter_lattice_keys[] = {
    {"sites", DECK_INT, offsetof(lattice_conf, sites), NULL, 4, 65536, .help = "N, spins of the ring (even)"},
    {"trotter", DECK_INT, offsetof(lattice_conf, trotter), NULL, 2, 65536,
     .help = "2m, rows of the lattice: twice the number of Suzuki-Trotter slices (even)"},
    {NULL}};

typedef struct common_conf {
  double beta, field;
} common_conf;
const deck_key trotter_model_keys[] = {
    {"beta", DECK_REAL, offsetof(common_conf, beta), NULL, 1e-6, 1e3, .unit = "1/J", .help = "inverse temperature"},
    {"field", DECK_REAL, offsetof(common_conf, field), "0", -1e3, 1e3, .unit = "J",
     .help = "h of - h sum Sz, along the axis of quantisation"},
    {NULL}};

void trotter_free(trotter *t) {
  if (!t) return;
  free(t->corner), free(t->plaquette);
  free(t);
}

/* The plaquette with lower right corner (r, c) is number r N/2 + c/2. */
static void fill_plaquettes(trotter *t) {
  int N = t->sites;
  for (int r = 0; r < t->rows; r++)
    for (int c = r % 2; c < N; c += 2) {
      int p = r * (N / 2) + c / 2, above = (r + t->rows - 1) % t->rows, left = (c + N - 1) % N;
      int corner[4] = {above * N + left, above * N + c, r * N + left, r * N + c};
      memcpy(t->corner[p], corner, sizeof corner);
      for (int k = 0; k < 4; k++) t->plaquette[corner[k]][k < 2] = p;
    }
}

static int check_shape(int sites, int rows, const double J[3], double beta, double field, err *e) {
  if (sites % 2)
    return err_set(
        e, ERR_DECK,
        "chain of %d sites: must be even; the bonds of an odd ring do not split into two commuting sets, and "
        "no rotation of sublattices makes its weights non-negative",
        sites);
  if (sites < 4) return err_set(e, ERR_DECK, "chain of %d sites: at least 4", sites);
  if (rows < 2 || rows % 2) return err_set(e, ERR_DECK, "%d Trotter rows: must be even and at least 2", rows);
  if ((long)sites * rows > 1L << 28) return err_set(e, ERR_DECK, "%d x %d spins: at most 2^28", rows, sites);
  if (!(beta > 0) || !isfinite(beta)) return err_set(e, ERR_DECK, "beta = %g: must be positive", beta);
  if (!isfinite(J[0] + J[1] + J[2] + field)) return err_set(e, ERR_DECK, "couplings and field must be finite");
  return 0;
}

int trotter_new(trotter **out, const char *name, int sites, int rows, const double J[3], double beta, double field,
                err *e) {
  *out = NULL;
  if (check_shape(sites, rows, J, beta, field, e)) return e->code;
  trotter *t = calloc(1, sizeof *t);
  if (!t) return err_set(e, ERR_RUN, "no memory for a chain");
  int half = sites / 2 * rows;
  *t = (trotter){.name = name, .sites = sites, .rows = rows, .n = 2 * half, .nplaquettes = half, .nfree = half + 1};
  memcpy(t->J, J, sizeof t->J);
  t->beta = beta, t->field = field;
  t->rotate_odd = J[0] + J[1] < 0; /* turns K- too */
  t->rotate_all = (t->rotate_odd ? J[1] - J[0] : J[0] - J[1]) < 0;
  t->six_vertex = J[0] == J[1];
  t->w = trotter_weigh(t, beta);
  t->corner = malloc((size_t)half * sizeof *t->corner);
  t->plaquette = malloc((size_t)t->n * sizeof *t->plaquette);
  if (!t->corner || !t->plaquette) {
    trotter_free(t);
    return err_set(e, ERR_RUN, "no memory for a lattice of %d x %d spins", rows, sites);
  }
  fill_plaquettes(t);
  *out = t;
  return 0;
}

int trotter_from_deck(trotter **out, const deck *d, err *e) {
  *out = NULL;
  const trotter_model *k = (const trotter_model *)deck_kind_of(d, "model");
  lattice_conf l;
  common_conf common;
  double J[3];
  deck_get(d, "lattice", trotter_lattice_keys, &l);
  deck_get(d, "model", trotter_model_keys, &common);
  void *conf = calloc(1, k->conf_size + 1);
  if (!conf) return err_set(e, ERR_RUN, "no memory for a chain");
  deck_get(d, "model", k->kind.keys, conf);
  k->couplings(J, conf);
  free(conf);
  if (l.trotter % 2)
    return err_set(e, ERR_DECK, "%s: lattice.trotter = %ld: must be even", deck_where(d, "lattice", "trotter"),
                   l.trotter);
  if (trotter_new(out, k->kind.name, (int)l.sites, (int)l.trotter, J, common.beta, common.field, e))
    return err_context(e, "%s: lattice.sites = %ld", deck_where(d, "lattice", "sites"), l.sites);
  return 0;
}

/* ---- constraint ---- */
int trotter_dependents(const trotter *t, const int *order, int (*from)[3], err *e) {
  int *when = malloc((size_t)t->n * sizeof *when), left = t->n;
  if (!when) return err_set(e, ERR_RUN, "no memory for the order of %d spins", t->n);
  for (int i = 0; i < t->n; i++) when[order ? order[i] : i] = i, from[i][0] = -1;
  for (int p = 0; p < t->nplaquettes; p++) {
    const int *c = t->corner[p];
    int last = 0, k = 0;
    for (int q = 1; q < 4; q++)
      if (when[c[q]] > when[c[last]]) last = q;
    int *f = from[c[last]];
    left -= f[0] < 0;
    for (int q = 0; q < 4; q++)
      if (q != last) f[k++] = c[q];
  }
  free(when);
  if (left == t->nfree) return 0;
  return err_set(e, ERR_RUN, "this order of drawing leaves %d free spins, but an eight-vertex lattice has %d", left,
                 t->nfree);
}

void trotter_complete(const trotter *t, const int *order, int (*from)[3], int8_t *s) {
  for (int i = 0; i < t->n; i++) {
    int site = order ? order[i] : i;
    const int *f = from[site];
    if (f[0] >= 0) s[site] = (int8_t)(s[f[0]] * s[f[1]] * s[f[2]]);
  }
}
