/* scalar_points.c: parameter scans of scalar fields from a deck (see scalar_points.h). */
#include "samplers/scalar_points.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

typedef struct lattice_conf {
  long L, dimensions;
  deck_ints sides;
} lattice_conf;

typedef struct model_conf {
  deck_reals kappa;
  double lambda;
  long draw;
} model_conf;

typedef struct fermion_conf {
  double coupling, mass;
} fermion_conf;

const deck_key scalar_lattice_keys[] = {
    {.name = "L",
     .type = DECK_INT,
     .at = offsetof(lattice_conf, L),
     .def = "~",
     .min = 2,
     .max = 4096,
     .help = "side of a cube; or give sides"},
    {.name = "dimensions",
     .type = DECK_INT,
     .at = offsetof(lattice_conf, dimensions),
     .def = "3",
     .min = 2,
     .max = 4,
     .help = "of the cube"},
    {.name = "sides",
     .type = DECK_INTS,
     .at = offsetof(lattice_conf, sides),
     .def = "~",
     .min = 2,
     .max = 4096,
     .help = "2 to 4 sides; the first is time, and is dealt to ranks with layout slabs"},
    {0},
};

const deck_key scalar_model_keys[] = {
    {.name = "kappa",
     .type = DECK_REALS,
     .at = offsetof(model_conf, kappa),
     .min = -10,
     .max = 10,
     .help = "hopping parameters, each a point of the scan"},
    {.name = "lambda",
     .type = DECK_REAL,
     .at = offsetof(model_conf, lambda),
     .def = "1.1",
     .min = 0,
     .max = 1e6,
     .help = "quartic coupling"},
    {.name = "draw",
     .type = DECK_INT,
     .at = offsetof(model_conf, draw),
     .def = "0",
     .min = 0,
     .max = 1e6,
     .help = "instead of those listed, so many kappa uniform between the least and the greatest"},
    {0},
};

const deck_key scalar_fermion_keys[] = {
    {.name = "coupling",
     .type = DECK_REAL,
     .at = offsetof(fermion_conf, coupling),
     .def = "0.25",
     .min = -100,
     .max = 100,
     .help = "g of D = K + M + g phi; two flavours"},
    {.name = "mass",
     .type = DECK_REAL,
     .at = offsetof(fermion_conf, mass),
     .def = "0",
     .min = -100,
     .max = 100,
     .help = "M"},
    {0},
};

static int sides_from(scalar_points *p, const deck *d, err *e) {
  lattice_conf c;
  deck_get(d, "lattice", scalar_lattice_keys, &c);
  if ((c.L != LONG_MIN) == (c.sides.n > 0))
    return err_set(e, ERR_DECK, "%s: lattice: give either L or sides", deck_where(d, "lattice", "sides"));
  if (c.sides.n > SCALAR_DIM || c.sides.n == 1)
    return err_set(e, ERR_DECK, "%s: lattice.sides: %d sides, 2 to 4 are possible", deck_where(d, "lattice", "sides"),
                   c.sides.n);
  p->d = c.sides.n ? c.sides.n : (int)c.dimensions;
  for (int k = 0; k < p->d; k++) p->side[k] = (int)(c.sides.n ? c.sides.v[k] : c.L);
  return 0;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void draw(double *kappa, int n, const deck_reals *given, uint32_t seed) {
  double low = INFINITY, high = -INFINITY;
  rng r = rng_stream(seed, "scalar points");
  for (int k = 0; k < given->n; k++) low = fmin(low, given->v[k]), high = fmax(high, given->v[k]);
  for (int k = 0; k < n; k++) kappa[k] = low + (high - low) * rng_uniform(r, (uint64_t)k, 0, 0);
  qsort(kappa, (size_t)n, sizeof *kappa, ascending);
}

/* A grid through 0 misses it by rounding. */
static double rounded(double kappa) {
  return fabs(kappa) < 1e-15 ? 0 : kappa;
}

int scalar_points_from_deck(scalar_points *p, const deck *d, uint32_t seed, err *e) {
  model_conf c;
  fermion_conf f = {0};
  *p = (scalar_points){0};
  if (sides_from(p, d, e)) return e->code;
  deck_get(d, "model", scalar_model_keys, &c);
  bool fermions = deck_has(d, "fermions");
  if (fermions) deck_get(d, "fermions", scalar_fermion_keys, &f);
  p->drawn = c.draw > 0, p->n = p->drawn ? (int)c.draw : c.kappa.n;
  if (p->n < 1) return err_set(e, ERR_DECK, "%s: model.kappa is empty", deck_where(d, "model", "kappa"));
  for (int k = 0; k < c.kappa.n && !c.lambda; k++)
    if (fabs(c.kappa.v[k]) * 2 * p->d >= 1)
      return err_set(e, ERR_DECK, "%s: model.kappa = %g: with lambda = 0 the action has no minimum at |kappa| >= 1/%d",
                     deck_where(d, "model", "kappa"), c.kappa.v[k], 2 * p->d);
  double *kappa = malloc((size_t)p->n * sizeof *kappa);
  p->model = calloc((size_t)p->n, sizeof *p->model);
  if (!kappa || !p->model) {
    free(kappa);
    return err_set(e, ERR_RUN, "scan: out of memory");
  }
  if (p->drawn) draw(kappa, p->n, &c.kappa, seed);
  for (int k = 0; k < p->n; k++)
    p->model[k] = (scalar_model){{p->drawn ? kappa[k] : rounded(c.kappa.v[k]), c.lambda}, fermions, f.mass, f.coupling};
  free(kappa);
  return 0;
}

void scalar_points_free(scalar_points *p) {
  free(p->model);
  p->model = NULL;
}
