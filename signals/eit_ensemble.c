/* eit_ensemble.c: simulated recordings as images. With v_ref the patient's voltages at the end of expiration and v_0
 * those of the mean patient's model,
 *
 *   image(t) = B (v(t) - v_ref)/v_ref,    rest = B (v_ref - v_0)/v_0,    B: one step of Gauss-Newton around the mean
 * patient
 *
 * so that nothing of the patient but his voltages enters: image says what moves, rest what he is like. */
#include "signals/eit_ensemble.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "signals/eit_greit.h"

#define AT(field) offsetof(eit_ensemble_conf, field)
const deck_key eit_ensemble_keys[] = {
    {"seconds", DECK_REAL, AT(seconds), "12", 1, 1e5, .unit = "s", .help = "length of a recording"},
    {"reference", DECK_REAL, AT(reference), "8", 1, 1e3, .unit = "s",
     .help = "time before it in which the end of an expiration is looked for"},
    {"rate", DECK_REAL, AT(rate), "20", 1, 1000, .unit = "1/s", .help = "frames per second"},
    {"mode", DECK_WORD, AT(mode), "volume", .words = "volume|pressure|support|spontaneous",
     .help = "how they are ventilated"},
    {"slowest", DECK_REAL, AT(slowest), "10", 4, 120, .unit = "1/min",
     .help = "breathing: rates are uniform from here"},
    {"fastest", DECK_REAL, AT(fastest), "25", 4, 120, .unit = "1/min", .help = "to here"},
    {"noise", DECK_REAL, AT(noise), "60", 0, 200, .unit = "dB",
     .help = "rms of the voltages over their white noise; 0: no noise"},
    {"multiplicative", DECK_REAL, AT(multiplicative), "1e-3", 0, .1, .help = "relative white noise"},
    {"gain", DECK_REAL, AT(gain), "3e-3", 0, .5, .help = "standard deviation of the electrodes' gains"},
    {"drift", DECK_REAL, AT(drift), "1e-4", 0, .1, .unit = "1/s^1/2", .help = "random walk of the gains"},
    {"pops", DECK_REAL, AT(pops), "0", 0, 1000, .unit = "1/min", .help = "events of bad contact"},
    {"h", DECK_REAL, AT(h), "0.014", .002, .05, .unit = "m", .help = "size of elements of the patients' meshes"},
    {"solve_all", DECK_BOOL, AT(solve_all), "false",
     .help = "voltages of every frame by finite elements, in place of interpolation between 34 of each patient"},
    {"heart_still", DECK_BOOL, AT(heart_still), "false",
     .help = "control: conductivities do not follow the heart, arterial pressure cannot be seen"},
    {0},
};
#undef AT
#define AT(field) offsetof(eit_imager_conf, field)
const deck_key eit_imager_keys[] = {
    {"size", DECK_INT, AT(size), "32", 8, 256, .unit = "pixels", .help = "along a side of the image"},
    {"prior", DECK_WORD, AT(prior), "noser", .words = "tikhonov|noser|laplace", .help = "what is known of images"},
    {"noise_figure", DECK_REAL, AT(noise_figure), "0.5", .01, 10, .help = "of the reconstruction"},
    {"h", DECK_REAL, AT(h), "0.018", .002, .05, .unit = "m",
     .help = "size of elements of the mesh on which images are reconstructed"},
    {0},
};
#undef AT
static const char *const prior_names[] = {"tikhonov", "noser", "laplace"};

const char *const eit_truth_names[EIT_TRUTHS] = {"volume", "flow", "airway", "arterial", "transpulmonary"};
const char *const eit_truth_units[EIT_TRUTHS] = {"mL", "mL/s", "cmH2O", "mmHg", "cmH2O"};
const char *const eit_about_names[EIT_ABOUT] = {"compliance [mL/cmH2O]", "resistance [cmH2O s/L]", "peep [cmH2O]",
                                                "tidal volume [mL]",     "gas at rest [mL]",       "wet tissue [mL]",
                                                "stroke volume [mL]",    "heart rate [1/min]"};

static eit_patient_spec spec_of(const eit_ensemble_conf *c) {
  eit_patient_spec s = eit_patient_defaults();
  s.mode = (eit_ventilation)c->mode, s.rate = c->rate, s.slowest = c->slowest, s.fastest = c->fastest,
  s.heart_still = c->heart_still, s.interpolate = !c->solve_all;
  s.noise = (eit_noise){c->noise, c->multiplicative, c->gain, c->drift, c->pops};
  if (c->noise == 0) s.noise = (eit_noise){0};
  return s;
}

/* ---- the imager ---- */

void eit_imager_free(eit_imager *m) {
  if (!m) return;
  eit_protocol_free(m->protocol), eit_raster_free(m->raster);
  free(m->v0), free(m->bt), free(m);
}

/* Standard deviations of relative changes of the data, in units of the multiplicative noise or of what is there. */
static void noise_of(const eit_imager *m, double *noise) {
  int M = m->protocol->ndata;
  double square = 0, white, part = m->spec.noise.multiplicative;
  for (int d = 0; d < M; d++) square += m->v0[d] * m->v0[d] / M;
  white = m->spec.noise.additive_db > 0 ? sqrt(square) * pow(10, -m->spec.noise.additive_db / 20) : 0;
  for (int d = 0; d < M; d++) noise[d] = white > 0 || part > 0 ? hypot(white / m->v0[d], part) : 1;
}

/* B from derivatives jt (nelems, ndata) of the mean patient, divided by v0. */
static int make_matrix(eit_imager *m, const eit_mesh *mesh, const eit_imager_conf *k, double *jt, err *e) {
  int M = m->protocol->ndata, n = m->raster->n;
  eit_graph *g = NULL;
  eit_linear *l = NULL;
  double *jp = malloc(sizeof *jp * (size_t)n * M), *b = malloc(sizeof *b * (size_t)n * M),
         *y = malloc(sizeof *y * 2 * M);
  m->bt = malloc(sizeof *m->bt * (size_t)n * M);
  if (!jp || !b || !y || !m->bt) err_set(e, ERR_RUN, "imager: out of memory");
  if (!e->code) eit_graph_of_raster(&g, m->raster, e);
  for (int i = 0; i < mesh->nelems && !e->code; i++)
    for (int d = 0; d < M; d++) jt[(long)i * M + d] /= m->v0[d];
  if (!e->code) {
    eit_raster_jacobian(m->raster, M, jt, jp);
    eit_greit_response(mesh, M, jt, (double[]){0, 0}, .1 * (m->raster->x1 - m->raster->x0) / 2, y);
    noise_of(m, y + M);
    eit_onestep_new(&l, eit_prior_find(prior_names[k->prior]), g, n, M, jp, y + M, 0, e);
  }
  if (!e->code && !eit_linear_choose(l, k->noise_figure, y, NULL, &m->lambda, e) &&
      !eit_linear_matrix(l, m->lambda, b, e))
    eit_transpose(n, M, b, m->bt);
  eit_linear_free(l), eit_graph_free(g);
  free(jp), free(b), free(y);
  return e->code;
}

int eit_imager_new(eit_imager **out, const eit_ensemble_conf *c, const eit_imager_conf *k, err *e) {
  eit_imager *m = *out = calloc(1, sizeof *m);
  eit_mesh *mesh = NULL;
  eit_forward *f = NULL;
  double *sigma = NULL, *jt = NULL;
  if (!m) return err_set(e, ERR_RUN, "imager: out of memory");
  m->spec = spec_of(c);
  eit_patient_draw(&m->spec, 0, -1, &m->mean);
  if (eit_protocol_pairs(&m->protocol, m->spec.nelectrodes, 1, true, 1, e) ||
      eit_patient_mesh(&m->spec, &m->mean, k->h, &mesh, e) || eit_raster_square(&m->raster, mesh, (int)k->size, e))
    goto end;
  int M = m->protocol->ndata;
  sigma = malloc(sizeof *sigma * (size_t)mesh->nelems), jt = malloc(sizeof *jt * (size_t)mesh->nelems * M);
  m->v0 = malloc(sizeof *m->v0 * M);
  if (!sigma || !jt || !m->v0) err_set(e, ERR_RUN, "imager: out of memory");
  if (e->code) goto end;
  eit_patient_rest(&m->spec, &m->mean, mesh, sigma);
  if (!eit_forward_new(&f, mesh, m->protocol, EIT_COMPLETE, e) && !eit_forward_solve(f, sigma, m->mean.z, m->v0, e) &&
      !eit_forward_jacobian(f, jt, NULL, e))
    make_matrix(m, mesh, k, jt, e);
end:
  for (int d = 0; m->v0 && d < m->protocol->ndata; d++) m->v0[d] *= m->spec.current / m->spec.height;
  eit_forward_free(f), eit_mesh_free(mesh);
  free(sigma), free(jt);
  if (e->code) eit_imager_free(m), *out = NULL;
  return e->code;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* ref (ndata) = mean of the tenth of n frames whose mean voltage is lowest: least gas, most conductance. */
static void find_reference(int n, int M, const double *v, double *work, double *ref) {
  double *level = work, *sorted = work + n;
  for (int t = 0; t < n; t++) {
    level[t] = 0;
    for (int d = 0; d < M; d++) level[t] += fabs(v[(long)t * M + d]);
    sorted[t] = level[t];
  }
  qsort(sorted, (size_t)n, sizeof *sorted, ascending);
  double limit = sorted[(n - 1) / 10], count = 0;
  memset(ref, 0, (size_t)M * sizeof *ref);
  for (int t = 0; t < n; t++) {
    if (level[t] > limit) continue;
    count++;
    for (int d = 0; d < M; d++) ref[d] += v[(long)t * M + d];
  }
  for (int d = 0; d < M; d++) ref[d] /= count;
}

int eit_imager_draw(const eit_imager *m, int nreference, int frames, const double *v, float *image, float *rest,
                    err *e) {
  enum { BLOCK = 32 };
  int M = m->protocol->ndata, n = m->raster->n;
  double *ref = malloc(sizeof *ref * M), *work = malloc(sizeof *work * 2 * (size_t)nreference);
  double *y = malloc(sizeof *y * BLOCK * M), *x = malloc(sizeof *x * BLOCK * (size_t)n);
  if (!ref || !work || !y || !x) err_set(e, ERR_RUN, "images: out of memory");
  if (!e->code) {
    find_reference(nreference, M, v, work, ref);
    for (int d = 0; d < M; d++) y[d] = ref[d] / m->v0[d] - 1;
    eit_apply(1, n, M, m->bt, y, x);
    for (int p = 0; p < n; p++) rest[p] = (float)x[p];
  }
  for (int t = 0; t < frames && !e->code; t += BLOCK) {
    int k = frames - t < BLOCK ? frames - t : BLOCK;
    for (long i = 0; i < (long)k * M; i++) y[i] = v[(long)(nreference + t) * M + i] / ref[i % M] - 1;
    eit_apply(k, n, M, m->bt, y, x);
    for (long i = 0; i < (long)k * n; i++) image[(long)t * n + i] = (float)x[i];
  }
  free(ref), free(work), free(y), free(x);
  return e->code;
}

/* ---- recordings ---- */

eit_layout eit_layout_of(int frames, int pixels, int size) {
  eit_layout l = {.frames = frames, .pixels = pixels, .size = size};
  l.rest = (size_t)frames * (size_t)pixels;
  l.truth = l.rest + (size_t)pixels;
  l.organ = l.truth + (size_t)frames * EIT_TRUTHS;
  l.about = l.organ + (size_t)size * (size_t)size;
  l.row = l.about + EIT_ABOUT;
  return l;
}

/* What lies where the image shows a pixel: the mean patient's outline is stretched to this one's and turned with his
 * belt. */
static void draw_organs(const eit_imager *m, const eit_patient *p, int size, float *organ) {
  for (int k = 0; k < size * size; k++) organ[k] = -1;
  for (int k = 0; k < m->raster->n; k++) {
    double c[2];
    eit_raster_centre(m->raster, k, c);
    double phi = atan2(c[1], c[0]), own = phi + p->turn;
    double r = hypot(c[0], c[1]) * eit_patient_outline(p, own) / eit_patient_outline(&m->mean, phi);
    organ[m->raster->place[k]] = (float)eit_patient_organ(p, (double[]){r * cos(own), r * sin(own)});
  }
}

static void write_truths(const eit_patient_series *s, int skip, const eit_layout *l, float *truth) {
  const double *from[EIT_TRUTHS] = {s->lung.volume, s->lung.flow, s->lung.airway, s->arterial, s->lung.transpulmonary};
  for (int t = 0; t < l->frames; t++)
    for (int k = 0; k < EIT_TRUTHS; k++) truth[t * EIT_TRUTHS + k] = (float)from[k][skip + t];
}

static void write_about(const eit_patient *p, float *about) {
  double elastance = 0, conductance = 0;
  for (int i = 0; i < p->lung.n; i++) elastance += 1 / p->lung.elastance[i], conductance += 1 / p->lung.resistance[i];
  double all[EIT_ABOUT] = {elastance, 1 / conductance, p->lung.peep,    p->lung.tidal,
                           p->gas,    p->wet,          p->heart.stroke, 60 / p->heart.period};
  for (int k = 0; k < EIT_ABOUT; k++) about[k] = (float)all[k];
}

int eit_ensemble_record(const eit_imager *m, const eit_ensemble_conf *c, const eit_layout *l, uint32_t seed, long index,
                        float *row, err *e) {
  int before = (int)ceil(c->reference * c->rate);
  eit_patient p;
  eit_mesh *mesh = NULL;
  eit_patient_series *s = NULL;
  eit_patient_draw(&m->spec, seed, index, &p);
  if (!eit_patient_mesh(&m->spec, &p, c->h, &mesh, e) &&
      !eit_patient_simulate(&m->spec, &p, mesh, m->protocol, seed, index, before + l->frames, &s, e) &&
      !eit_imager_draw(m, before, l->frames, s->v, row, row + l->rest, e)) {
    write_truths(s, before, l, row + l->truth);
    draw_organs(m, &p, l->size, row + l->organ);
    write_about(&p, row + l->about);
  }
  eit_patient_series_free(s), eit_mesh_free(mesh);
  return e->code ? err_context(e, "patient %ld", index) : 0;
}
