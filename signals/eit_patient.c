/* eit_patient.c: eit_patient_defaults ... eit_patient_series_free.
 *
 * Lung: gas fraction phi = gas/(gas + wet) of each lobe, sigma = bubbles(wet tissue, phi) seen as cylinders (2D), wet
 * tissue a mixture with a part of blood that follows the pulmonary pulse. Heart: blood and wall by volume, blood leaves
 * with the ejection. x is the patient's left, y the front. */
#include "signals/eit_patient.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
  double compliance = uniform(d, 20, 70), resistance = uniform(d, 6, 18), breath = 60 / uniform(d, 10, 25);
  double share[EIT_LOBES], narrow[EIT_LOBES], sum = 0, conductance = 0;
  for (int i = 0; i < EIT_LOBES; i++) share[i] = exp(normal(d, 0, .2)), narrow[i] = exp(normal(d, 0, .2));
  for (int i = 0; i < EIT_LOBES; i++) sum += share[i], conductance += 1 / narrow[i];
  eit_lung *l = &p->lung;
  *l = (eit_lung){.mode = s->mode, .n = EIT_LOBES, .peep = uniform(d, 3, 15), .tidal = uniform(d, 350, 600)};
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

static void fill_sigma(const eit_patient_series *s, int frame, const double *fixed, const int *organ, int n,
                       double *sigma) {
  for (int k = 0; k < n; k++)
    sigma[k] = organ[k] >= EIT_LUNG    ? s->lobe_sigma[(long)frame * EIT_LOBES + organ[k] - EIT_LUNG]
               : organ[k] == EIT_HEART ? s->heart_sigma[frame]
                                       : fixed[organ[k]];
}

/* Voltages of all frames. */
static int voltages(const eit_patient_spec *spec, const eit_patient *p, const eit_mesh *m, const eit_protocol *protocol,
                    eit_patient_series *s, err *e) {
  tissues t = tissues_at(spec->frequency);
  double *sigma = room(m->nelems, 1);
  int *organ = malloc((size_t)m->nelems * sizeof *organ + 8);
  eit_forward *f = NULL;
  if (!sigma || !organ) err_set(e, ERR_RUN, "patient: no memory for %d elements", m->nelems);
  if (!e->code) eit_forward_new(&f, m, protocol, EIT_COMPLETE, e);
  if (!e->code) eit_patient_organs(p, m, organ);
  for (int i = 0; i < s->nframes && !e->code; i++) {
    double *v = s->clean + (long)i * s->ndata;
    fill_sigma(s, i, t.fixed, organ, m->nelems, sigma);
    if (eit_forward_solve(f, sigma, p->z, v, e)) break;
    for (int d = 0; d < s->ndata; d++) v[d] *= spec->current / spec->height;
  }
  eit_forward_free(f);
  free(sigma), free(organ);
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
