/* ising.c: models H(s) = -sum_bonds J_b s_i s_j - sum_i h_i s_i: ising_from_deck, ising_uniform, ising_couplings,
 * ising_free, ising_energy, ising_local, ising_mag, ising_measure and the table of the family. */
#include "lattice/ising.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

extern const lattice_model lattice_model_ferromagnet, lattice_model_antiferromagnet, lattice_model_plus_minus,
    lattice_model_gaussian, lattice_model_hopfield, lattice_model_graph;
const deck_kind *const lattice_models[] = {&lattice_model_ferromagnet.kind,
                                           &lattice_model_antiferromagnet.kind,
                                           &lattice_model_plus_minus.kind,
                                           &lattice_model_gaussian.kind,
                                           &lattice_model_hopfield.kind,
                                           &lattice_model_graph.kind,
                                           NULL};

typedef struct common_conf {
  double beta, field;
} common_conf;

const deck_key lattice_model_keys[] = {
    {"beta", DECK_REAL, offsetof(common_conf, beta), NULL, 1e-6, 1e3, .unit = "1/J", .help = "inverse temperature"},
    {"field", DECK_REAL, offsetof(common_conf, field), "0", -1e3, 1e3, .unit = "J", .help = "uniform magnetic field h"},
    {NULL}};

static int no_memory(err *e) {
  return err_set(e, ERR_RUN, "no memory for a model");
}

/* cos and sin of 2 pi x / n for x < n. */
static void fill_wave(double *cosine, double *sine, int n) {
  for (int x = 0; x < n; x++) cosine[x] = cos(2 * M_PI * x / n), sine[x] = sin(2 * M_PI * x / n);
}

/* A model without couplings yet. */
static int create(ising **out, const lattice *l, const char *name, double beta, err *e) {
  ising *m = calloc(1, sizeof *m);
  *out = m;
  if (!m) return no_memory(e);
  *m = (ising){.lat = l, .name = name, .beta = beta};
  m->J = calloc((size_t)l->nbonds + 1, sizeof(double));
  int w = l->rows + l->cols;
  if (l->rows) m->wave = malloc(sizeof(double) * 2 * (size_t)w);
  if (m->wave) {
    fill_wave(m->wave, m->wave + w, l->rows);
    fill_wave(m->wave + l->rows, m->wave + w + l->rows, l->cols);
  }
  return m->J && (!l->rows || m->wave) ? 0 : no_memory(e);
}

static int set_field(ising *m, double h, err *e) {
  if (h == 0) return 0;
  if (!(m->h = malloc(sizeof(double) * (size_t)m->lat->n))) return no_memory(e);
  for (int i = 0; i < m->lat->n; i++) m->h[i] = h;
  return 0;
}

/* Notes whether all couplings are equal; frees the model after an error. */
static int finish(ising **out, err *e) {
  ising *m = *out;
  bool equal = m && m->J && m->lat->nbonds > 0;
  for (int b = 0; equal && b < m->lat->nbonds; b++) equal = m->J[b] == m->J[0];
  if (equal) m->uniform = m->J[0];
  if (!e->code) return 0;
  ising_free(*out);
  *out = NULL;
  return e->code;
}

int ising_uniform(ising **out, const lattice *l, double J, double h, double beta, err *e) {
  if (!create(out, l, J < 0 ? "antiferromagnet" : "ferromagnet", beta, e)) {
    for (int b = 0; b < l->nbonds; b++) (*out)->J[b] = J;
    set_field(*out, h, e);
  }
  return finish(out, e);
}

int ising_couplings(ising **out, const lattice *l, const double *J, const double *h, double beta, err *e) {
  if (!create(out, l, "couplings", beta, e)) {
    memcpy((*out)->J, J, sizeof(double) * (size_t)l->nbonds);
    if (h && !set_field(*out, 1, e)) memcpy((*out)->h, h, sizeof(double) * (size_t)l->n);
  }
  return finish(out, e);
}

int ising_from_deck(ising **out, const lattice *l, const deck *d, err *e) {
  *out = NULL;
  const lattice_model *k = (const lattice_model *)deck_kind_of(d, "model");
  if (l->weight && k != &lattice_model_graph)
    return err_set(e, ERR_DECK, "%s: model.kind = %s: the graph file gives couplings, only the kind graph uses them",
                   deck_where(d, "model", "kind"), k->kind.name);
  common_conf common;
  deck_get(d, "model", lattice_model_keys, &common);
  void *conf = calloc(1, k->conf_size + 1);
  if (!conf) return no_memory(e);
  if (k->kind.keys) deck_get(d, "model", k->kind.keys, conf);
  if (!create(out, l, k->kind.name, common.beta, e) && !set_field(*out, common.field, e) && k->build(*out, conf, e))
    err_context(e, "%s: model", deck_where(d, "model", "kind"));
  free(conf);
  return finish(out, e);
}

void ising_free(ising *m) {
  if (!m) return;
  free(m->J), free(m->h), free(m->wave);
  free(m);
}

double ising_energy(const ising *m, const int8_t *s) {
  const lattice *l = m->lat;
  double E = 0;
  if (m->uniform != 0) {
    long aligned = 0;
    for (int b = 0; b < l->nbonds; b++) aligned += s[l->bond[b][0]] * s[l->bond[b][1]];
    E = -m->uniform * (double)aligned;
  } else {
    for (int b = 0; b < l->nbonds; b++) E -= m->J[b] * (s[l->bond[b][0]] * s[l->bond[b][1]]);
  }
  if (m->h)
    for (int i = 0; i < l->n; i++) E -= m->h[i] * s[i];
  return E;
}

double ising_local(const ising *m, const int8_t *s, int i) {
  const lattice *l = m->lat;
  double field = m->h ? m->h[i] : 0;
  for (int k = l->start[i]; k < l->start[i + 1]; k++) field += m->J[l->via[k]] * s[l->neighbour[k]];
  return field;
}

int ising_mag(const ising *m, const int8_t *s) {
  int M = 0;
  for (int i = 0; i < m->lat->n; i++) M += s[i];
  return M;
}

static double structure_factor(const ising *m, const int8_t *s) {
  const lattice *l = m->lat;
  if (!m->wave) return 0;
  const double *row_cos = m->wave, *row_sin = row_cos + l->rows + l->cols;
  const double *col_cos = row_cos + l->rows, *col_sin = row_sin + l->rows;
  double a = 0, b = 0, c = 0, d = 0; /* real and imaginary parts along rows (a, b) and columns (c, d) */
  for (int r = 0; r < l->rows; r++, s += l->cols) {
    int sum = 0;
    for (int j = 0; j < l->cols; j++) sum += s[j], c += col_cos[j] * s[j], d += col_sin[j] * s[j];
    a += row_cos[r] * sum, b += row_sin[r] * sum;
  }
  return (a * a + b * b + c * c + d * d) / 2;
}

void ising_measure(const ising *m, const int8_t *s, double obs[ISING_NOBS]) {
  obs[ISING_E] = ising_energy(m, s);
  obs[ISING_M] = ising_mag(m, s);
  obs[ISING_SK] = structure_factor(m, s);
}
