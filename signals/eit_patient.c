/* eit_patient.c: eit_patient_defaults ... eit_patient_series_free.
 *
 * Lung: gas fraction phi = gas/(gas + wet) of each lobe, sigma = bubbles(wet tissue, phi) seen as cylinders (2D), wet
 * tissue a mixture with a part of blood that follows the pulmonary pulse. Heart: blood and wall by volume, blood leaves
 * with the ejection. x is the patient's left, y the front. Voltages depend on five conductivities that move: solved for
 * at every frame, or at 34 points only, between them by a polynomial along the principal axes of their logarithms. */
#include "signals/eit_patient.h"

#include <gsl/gsl_eigen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "signals/dense.h"
#include "signals/eit_tissue.h"

#define PI 3.14159265358979323846
#define SETTLE 30.    /* s */
#define DELAY .15     /* s from the beat to the pulse in the lung */
#define CHAMBERS 130. /* mL of blood in the heart before ejection */
#define WALL 150.     /* mL */

eit_patient_spec eit_patient_defaults(void) {
  return (eit_patient_spec){.mode = EIT_VOLUME,
                            .nelectrodes = 16,
                            .electrode_width = .02,
                            .rate = 20,
                            .slowest = 10,
                            .fastest = 25,
                            .frequency = 1e5,
                            .current = 5e-3,
                            .contact = .01,
                            .height = .05,
                            .noise = {.additive_db = 60, .multiplicative = 1e-3, .gain = 3e-3, .drift = 1e-4}};
}

/* ---- priors ---- */

typedef struct dice { /* numbers for one patient, one after another; all means if index < 0 */
  rng r;
  int64_t index;
  uint32_t draw;
} dice;

static double normal(dice *d, double mean, double sd) {
  uint32_t k = d->draw++;
  return d->index < 0 ? mean : mean + sd * rng_normal(d->r, (uint64_t)d->index, 0, k);
}

static double uniform(dice *d, double low, double high) {
  uint32_t k = d->draw++;
  return d->index < 0 ? (low + high) / 2 : low + (high - low) * rng_uniform(d->r, (uint64_t)d->index, 0, k);
}

static void draw_anatomy(dice *d, eit_patient *p) {
  static const eit_ellipse mean[EIT_ORGANS] = {/* in units of the radius */
                                               {-.50, .02, .36, .52, .10},
                                               {.52, .00, .33, .50, -.10},
                                               {.14, .32, .27, .20, .5},
                                               {0, -.60, .15, .14, 0},
                                               {.16, -.44, .09, .09, 0}};
  double x = .16 * normal(d, 1, .06), y = .11 * normal(d, 1, .06);
  p->radius = (x + y) / 2, memset(p->a, 0, sizeof p->a), memset(p->b, 0, sizeof p->b);
  for (int k = 0; k < 4; k++) p->a[k] = normal(d, 0, .01), p->b[k] = normal(d, 0, .01);
  p->a[1] += (x - y) / (x + y);
  p->turn = normal(d, 0, 3) * PI / 180, p->fat = uniform(d, .01, .02);
  for (int i = 0; i < EIT_ORGANS; i++) {
    eit_ellipse m = mean[i];
    double size = normal(d, 1, .08);
    p->organ[i] = (eit_ellipse){x * (m.x + normal(d, 0, .03)), y * (m.y + normal(d, 0, .03)), x * m.rx * size,
                                y * m.ry * size, m.angle + normal(d, 0, .1)};
  }
}

static void draw_lung(dice *d, const eit_patient_spec *s, eit_patient *p) {
  double compliance = uniform(d, 20, 70), resistance = uniform(d, 6, 18),
         breath = 60 / uniform(d, s->slowest, s->fastest);
  double share[EIT_LOBES], narrow[EIT_LOBES], sum = 0, conductance = 0;
  for (int i = 0; i < EIT_LOBES; i++) share[i] = exp(normal(d, 0, .2)), narrow[i] = exp(normal(d, 0, .2));
  for (int i = 0; i < EIT_LOBES; i++) sum += share[i], conductance += 1 / narrow[i];
  eit_lung *l = &p->lung;
  *l = (eit_lung){.mode = s->mode, .n = EIT_LOBES, .peep = uniform(d, 3, 15), .tidal = uniform(d, 350, 600)};
  l->tidal *= fmin(1, breath / (60. / 25)); /* above 25/min: the same volume per minute */
  for (int i = 0; i < EIT_LOBES; i++) {
    l->elastance[i] = sum / (compliance * share[i]);
    l->resistance[i] = resistance * conductance * narrow[i];
  }
  l->ti = breath / (1 + uniform(d, 1.2, 2.5)), l->pause = s->mode == EIT_VOLUME ? .15 * l->ti : 0;
  l->te = breath - l->ti - l->pause;
  l->drive = l->tidal / compliance, l->effort = uniform(d, 4, 10), l->effort_tau = .3 * l->ti;
  if (s->mode == EIT_SUPPORT) l->drive *= .6;
  l->chest_elastance = (1 - uniform(d, .6, .8)) / compliance;
  l->pes0 = normal(d, 8, 3), l->variation = d->index < 0 ? 0 : .05;
  p->gas = uniform(d, 1000, 2500), p->wet = uniform(d, 700, 1100);
}

static void draw_heart(dice *d, eit_patient *p) {
  p->heart = (eit_heart){.stroke = uniform(d, 50, 90),
                         .period = 60 / uniform(d, 55, 110),
                         .resistance = uniform(d, .8, 1.3),
                         .compliance = uniform(d, .9, 1.8),
                         .impedance = .05,
                         .swing = uniform(d, .03, .1),
                         .arrhythmia = -uniform(d, .01, .05),
                         .variation = d->index < 0 ? 0 : .02};
  p->pulse = uniform(d, .05, .15), p->blood = uniform(d, .25, .4);
}

void eit_patient_draw(const eit_patient_spec *s, uint32_t seed, int64_t index, eit_patient *p) {
  dice d = {rng_stream(seed, "eit patient"), index, 0};
  memset(p, 0, sizeof *p);
  draw_anatomy(&d, p);
  draw_lung(&d, s, p);
  draw_heart(&d, p);
  for (int l = 0; l < s->nelectrodes && l < 64; l++) p->z[l] = s->contact * exp(normal(&d, 0, .3));
}

/* ---- anatomy ---- */

static eit_outline outline(const eit_patient *p) {
  return (eit_outline){p->radius, 4, p->a, p->b};
}

int eit_patient_mesh(const eit_patient_spec *s, const eit_patient *p, double h, eit_mesh **m, err *e) {
  eit_electrode belt[64];
  eit_outline o = outline(p);
  *m = NULL;
  if (s->nelectrodes < 4 || s->nelectrodes > 64)
    return err_set(e, ERR_RUN, "patient: %d electrodes: 4 to 64", s->nelectrodes);
  eit_belt(&o, s->nelectrodes, s->electrode_width, PI / 2 + p->turn, belt);
  eit_mesh_spec spec = {
      .outline = o, .nelectrodes = s->nelectrodes, .electrode = belt, .h = h, .h_edge = .3 * h, .slope = .5};
  return eit_mesh_new(m, &spec, e);
}

static int inside(const eit_ellipse *q, const double *c) {
  double x = c[0] - q->x, y = c[1] - q->y, u = cos(q->angle) * x + sin(q->angle) * y,
         w = cos(q->angle) * y - sin(q->angle) * x;
  return u * u / (q->rx * q->rx) + w * w / (q->ry * q->ry) < 1;
}

int eit_patient_organ(const eit_patient *p, const double *c) {
  eit_outline o = outline(p);
  const eit_ellipse *q = p->organ;
  double depth = eit_outline_radius(&o, atan2(c[1], c[0])) - hypot(c[0], c[1]);
  if (inside(q + 3, c)) return EIT_SPINE;
  if (inside(q + 4, c)) return EIT_AORTA;
  if (inside(q + 2, c)) return EIT_HEART;
  if (depth < p->fat) return EIT_FAT;
  for (int i = 0; i < 2; i++)
    if (inside(q + i, c)) return EIT_LUNG + 2 * i + (c[1] < q[i].y);
  return EIT_MUSCLE;
}

double eit_patient_outline(const eit_patient *p, double phi) {
  eit_outline o = outline(p);
  return eit_outline_radius(&o, phi);
}

void eit_patient_organs(const eit_patient *p, const eit_mesh *m, int *organ) {
  for (int k = 0; k < m->nelems; k++) {
    double c[3];
    eit_mesh_centre(m, k, c);
    organ[k] = eit_patient_organ(p, c);
  }
}

/* ---- time ---- */

void eit_patient_series_free(eit_patient_series *s) {
  if (!s) return;
  free(s->v), free(s->clean), free(s->lung.volume), free(s->lung.flow), free(s->lung.airway), free(s->lung.oesophageal);
  free(s->lung.transpulmonary), free(s->lung.compartment), free(s->arterial), free(s->ejected), free(s->lobe_sigma);
  free(s->heart_sigma);
  free(s);
}

static double *room(int n, int m) {
  return calloc((size_t)n * (size_t)m + 1, sizeof(double));
}

static eit_patient_series *series_new(int n, int ndata, err *e) {
  eit_patient_series *s = calloc(1, sizeof *s);
  if (s) {
    *s = (eit_patient_series){.nframes = n,
                              .ndata = ndata,
                              .v = room(n, ndata),
                              .clean = room(n, ndata),
                              .lung = {room(n, 1), room(n, 1), room(n, 1), room(n, 1), room(n, 1), room(n, EIT_LOBES)},
                              .arterial = room(n, 1),
                              .ejected = room(n, 1),
                              .lobe_sigma = room(n, EIT_LOBES),
                              .heart_sigma = room(n, 1)};
    if (s->v && s->clean && s->lung.volume && s->lung.flow && s->lung.airway && s->lung.oesophageal &&
        s->lung.transpulmonary && s->lung.compartment && s->arterial && s->ejected && s->lobe_sigma && s->heart_sigma)
      return s;
  }
  eit_patient_series_free(s);
  err_set(e, ERR_RUN, "patient: no memory for %d frames", n);
  return NULL;
}

/* pulse (n): ejection, low-passed over a fifth of a second and delayed, with mean 0 and height 1. */
static void pulmonary_pulse(const eit_patient_series *s, double rate, double *pulse) {
  int n = s->nframes, delay = (int)floor(DELAY * rate + .5);
  double low = INFINITY, high = -INFINITY, mean = 0, y = s->ejected[0], keep = exp(-1 / (.2 * rate));
  for (int i = 0; i < n; i++) {
    y = keep * y + (1 - keep) * s->ejected[i > delay ? i - delay : 0];
    pulse[i] = y;
  }
  for (int i = 0; i < n; i++) low = fmin(low, pulse[i]), high = fmax(high, pulse[i]), mean += pulse[i] / n;
  for (int i = 0; i < n && high > low; i++) pulse[i] = (pulse[i] - mean) / (high - low);
}

typedef struct tissues {
  double fixed[4], dry, blood, wall; /* muscle, fat, spine, aorta; wet lung without blood, blood, heart's wall */
} tissues;
static tissues tissues_at(double frequency) {
  static const char *const name[] = {"muscle", "fat", "bone-cancellous", "blood", "lung-deflated", "blood", "heart"};
  double s[7];
  for (int k = 0; k < 7; k++) s[k] = eit_tissue_conductivity(eit_tissue_find(name[k]), frequency);
  return (tissues){{s[0], s[1], s[2], s[3]}, s[4], s[5], s[6]};
}

static double heart_conductivity(const tissues *t, double ejected) {
  double part = fmax(0, CHAMBERS - ejected) / (CHAMBERS - ejected + WALL);
  return (1 - part) * t->wall + part * t->blood;
}

void eit_patient_rest(const eit_patient_spec *s, const eit_patient *p, const eit_mesh *m, double *sigma) {
  tissues t = tissues_at(s->frequency);
  double lung = eit_lung_conductivity(t.dry, t.blood, p->blood, p->gas, p->wet, 2), heart = heart_conductivity(&t, 0);
  for (int k = 0; k < m->nelems; k++) {
    double c[3];
    eit_mesh_centre(m, k, c);
    int o = eit_patient_organ(p, c);
    sigma[k] = o >= EIT_LUNG ? lung : o == EIT_HEART ? heart : t.fixed[o];
  }
}

/* Conductivities of lobes and heart in time. */
static void conductivities(const eit_patient_spec *spec, const eit_patient *p, const double *pulse,
                           eit_patient_series *s) {
  tissues t = tissues_at(spec->frequency);
  double dry = t.dry, blood = t.blood, gas = p->gas / 4, wet = p->wet / 4;
  double tidal = eit_lung_conductivity(dry, blood, p->blood, gas, wet, 2) -
                 eit_lung_conductivity(dry, blood, p->blood, gas + p->lung.tidal / 4, wet, 2);
  double swing = p->pulse * tidal / eit_bubbles(blood - dry, gas / (gas + wet), 2); /* of the part of blood */
  if (spec->heart_still) swing = 0;
  for (int i = 0; i < s->nframes; i++) {
    for (int k = 0; k < EIT_LOBES; k++) {
      double more = fmax(s->lung.compartment[(long)i * EIT_LOBES + k], -.9 * gas);
      s->lobe_sigma[(long)i * EIT_LOBES + k] =
          eit_lung_conductivity(dry, blood, p->blood + swing * pulse[i], gas + more, wet, 2);
    }
    s->heart_sigma[i] = heart_conductivity(&t, spec->heart_still ? 0 : s->ejected[i]);
  }
}

/* ---- voltages ---- */

enum { MOVING = EIT_LOBES + 1, NODES = 5, GRID = NODES * NODES, POINTS = GRID + 3 * (MOVING - 2) };
static const double node[NODES] = {0, -1, -M_SQRT1_2, M_SQRT1_2, 1};

/* Log conductivities that move, along their principal axes: ln sigma = centre + axis x, x within -1 .. 1 over all
 * frames. The first two are breathing and the heart. */
typedef struct moving {
  double mean[MOVING], axis[MOVING][MOVING], centre[MOVING], half[MOVING]; /* axis [which][conductivity] */
} moving;

static double moving_log(const eit_patient_series *s, int frame, int j) {
  return log(j < EIT_LOBES ? s->lobe_sigma[(long)frame * EIT_LOBES + j] : s->heart_sigma[frame]);
}

static void principal_axes(const eit_patient_series *s, moving *m) {
  double cov[MOVING * MOVING] = {0}, value[MOVING], vector[MOVING * MOVING], n = s->nframes;
  for (int j = 0; j < MOVING; j++) {
    m->mean[j] = 0;
    for (int i = 0; i < s->nframes; i++) m->mean[j] += moving_log(s, i, j) / n;
  }
  for (int i = 0; i < s->nframes; i++)
    for (int j = 0; j < MOVING; j++)
      for (int k = 0; k < MOVING; k++)
        cov[j * MOVING + k] += (moving_log(s, i, j) - m->mean[j]) * (moving_log(s, i, k) - m->mean[k]) / n;
  gsl_matrix_view c = gsl_matrix_view_array(cov, MOVING, MOVING), u = gsl_matrix_view_array(vector, MOVING, MOVING);
  gsl_vector_view l = gsl_vector_view_array(value, MOVING);
  gsl_eigen_symmv_workspace *w = gsl_eigen_symmv_alloc(MOVING);
  for (int k = 0; k < MOVING * MOVING && !w; k++) vector[k] = k / MOVING == k % MOVING;
  if (w) {
    gsl_eigen_symmv(&c.matrix, &l.vector, &u.matrix, w);
    gsl_eigen_symmv_sort(&l.vector, &u.matrix, GSL_EIGEN_SORT_VAL_DESC);
    gsl_eigen_symmv_free(w);
  }
  for (int a = 0; a < MOVING; a++)
    for (int j = 0; j < MOVING; j++) m->axis[a][j] = vector[j * MOVING + a];
}

/* Coordinates x of a frame, before centre and half are known: along the axes. */
static void along(const eit_patient_series *s, const moving *m, int frame, double x[MOVING]) {
  for (int a = 0; a < MOVING; a++) {
    x[a] = 0;
    for (int j = 0; j < MOVING; j++) x[a] += m->axis[a][j] * (moving_log(s, frame, j) - m->mean[j]);
  }
}

static moving range_of(const eit_patient_series *s) {
  moving m;
  double low[MOVING], high[MOVING], x[MOVING];
  principal_axes(s, &m);
  for (int i = 0; i < s->nframes; i++) {
    along(s, &m, i, x);
    for (int a = 0; a < MOVING; a++) low[a] = fmin(i ? low[a] : x[a], x[a]), high[a] = fmax(i ? high[a] : x[a], x[a]);
  }
  for (int a = 0; a < MOVING; a++) m.centre[a] = (low[a] + high[a]) / 2, m.half[a] = (high[a] - low[a]) / 2;
  return m;
}

/* Where voltages are computed: a grid in the first two axes; then -1 and +1 along each other one; then +1 along it and
 * the first. */
static void point_of(int number, double x[MOVING]) {
  memset(x, 0, MOVING * sizeof *x);
  if (number < GRID) {
    x[0] = node[number / NODES], x[1] = node[number % NODES];
    return;
  }
  number -= GRID;
  x[2 + number / 3] = number % 3 ? 1 : -1;
  if (number % 3 == 2) x[0] = 1;
}

/* w: of the values at the nodes in the polynomial through them, at x. */
static void lagrange(double x, double w[NODES]) {
  for (int i = 0; i < NODES; i++) {
    w[i] = 1;
    for (int k = 0; k < NODES; k++)
      if (k != i) w[i] *= (x - node[k]) / (node[i] - node[k]);
  }
}

/* Weights of the voltages at the POINTS, at x: fourth degree in each of the first two axes, and second degree in
 * each other one, whose slope changes along the first. */
static void weights_at(const double x[MOVING], double w[POINTS]) {
  double u[NODES], v[NODES];
  const int end = NODES - 1; /* where the first axis is +1 and the second 0: point end * NODES */
  lagrange(x[0], u), lagrange(x[1], v);
  for (int i = 0; i < GRID; i++) w[i] = u[i / NODES] * v[i % NODES];
  for (int a = 2; a < MOVING; a++) {
    double *own = w + GRID + 3 * (a - 2), both = x[0] * x[a];
    own[0] = x[a] * (x[a] - 1) / 2, own[1] = x[a] * (x[a] + 1) / 2 - both, own[2] = both;
    w[0] += both - x[a] * x[a], w[end * NODES] -= both;
  }
}

typedef struct body { /* what a solve needs */
  const eit_patient_spec *spec;
  const eit_patient *p;
  const eit_mesh *m;
  eit_forward *f;
  tissues t;
  int *organ;    /* (nelems) */
  double *sigma; /* (nelems) */
  int ndata;
} body;

static int solve(const body *b, const double lobe[EIT_LOBES], double heart, double *v, err *e) {
  for (int k = 0; k < b->m->nelems; k++)
    b->sigma[k] = b->organ[k] >= EIT_LUNG    ? lobe[b->organ[k] - EIT_LUNG]
                  : b->organ[k] == EIT_HEART ? heart
                                             : b->t.fixed[b->organ[k]];
  if (eit_forward_solve(b->f, b->sigma, b->p->z, v, e)) return e->code;
  for (int d = 0; d < b->ndata; d++) v[d] *= b->spec->current / b->spec->height;
  return 0;
}

static int every_frame(const body *b, eit_patient_series *s, err *e) {
  for (int i = 0; i < s->nframes && !e->code; i++)
    solve(b, s->lobe_sigma + (long)i * EIT_LOBES, s->heart_sigma[i], s->clean + (long)i * s->ndata, e);
  return e->code;
}

static int interpolated(const body *b, eit_patient_series *s, err *e) {
  moving m = range_of(s);
  double *v = room(POINTS, s->ndata), x[MOVING], sigma[MOVING], w[POINTS];
  if (!v) err_set(e, ERR_RUN, "patient: no memory");
  for (int q = 0; q < POINTS && !e->code; q++) {
    point_of(q, x);
    for (int j = 0; j < MOVING; j++) {
      sigma[j] = m.mean[j];
      for (int a = 0; a < MOVING; a++) sigma[j] += m.axis[a][j] * (m.centre[a] + m.half[a] * x[a]);
      sigma[j] = exp(sigma[j]);
    }
    solve(b, sigma, sigma[EIT_LOBES], v + (long)q * s->ndata, e);
  }
  for (int i = 0; i < s->nframes && !e->code; i++) {
    along(s, &m, i, x);
    for (int a = 0; a < MOVING; a++) x[a] = m.half[a] > 1e-9 ? (x[a] - m.centre[a]) / m.half[a] : 0;
    weights_at(x, w);
    dense_product(1, s->ndata, POINTS, w, v, s->clean + (long)i * s->ndata);
  }
  free(v);
  return e->code;
}

static int voltages(const eit_patient_spec *spec, const eit_patient *p, const eit_mesh *m, const eit_protocol *protocol,
                    eit_patient_series *s, err *e) {
  body b = {spec, p, m, NULL, tissues_at(spec->frequency), NULL, room(m->nelems, 1), s->ndata};
  b.organ = malloc((size_t)m->nelems * sizeof *b.organ + 8);
  if (!b.sigma || !b.organ) err_set(e, ERR_RUN, "patient: no memory for %d elements", m->nelems);
  if (!e->code && !eit_forward_new(&b.f, m, protocol, EIT_COMPLETE, e)) {
    eit_patient_organs(p, m, b.organ);
    if (spec->interpolate)
      interpolated(&b, s, e);
    else
      every_frame(&b, s, e);
  }
  eit_forward_free(b.f);
  free(b.sigma), free(b.organ);
  return e->code;
}

int eit_patient_simulate(const eit_patient_spec *spec, const eit_patient *p, const eit_mesh *m,
                         const eit_protocol *protocol, uint32_t seed, int64_t index, int nframes,
                         eit_patient_series **out, err *e) {
  uint64_t who = (uint64_t)index;
  eit_patient_series *s = *out = series_new(nframes, protocol->ndata, e);
  double *breathing = room(nframes, 2), *pulse = breathing ? breathing + nframes : NULL;
  if (!breathing) err_set(e, ERR_RUN, "patient: no memory for %d frames", nframes);
  if (!e->code)
    eit_lung_simulate(&p->lung, rng_stream(seed, "eit lung"), who, SETTLE, spec->rate, nframes, &s->lung, e);
  for (int i = 0; i < nframes && !e->code; i++) breathing[i] = 2 * s->lung.volume[i] / p->lung.tidal - 1;
  if (!e->code)
    eit_heart_simulate(&p->heart, rng_stream(seed, "eit heart"), who, SETTLE, spec->rate, nframes, breathing,
                       s->arterial, s->ejected, e);
  if (!e->code) {
    pulmonary_pulse(s, spec->rate, pulse);
    conductivities(spec, p, pulse, s);
    voltages(spec, p, m, protocol, s, e);
  }
  if (!e->code) {
    memcpy(s->v, s->clean, (size_t)nframes * (size_t)protocol->ndata * sizeof *s->v);
    eit_noise_add(&spec->noise, protocol, spec->rate, seed, index, nframes, s->v);
  }
  free(breathing);
  if (e->code) eit_patient_series_free(s), *out = NULL;
  return e->code;
}
