/* yukawa_samples.c: configurations as samples of a regression of kappa (see yukawa_data.h): inputs, their
 * standardisation, random images under the symmetries of the lattice, and the division by chains. */
#include <math.h>
#include <stdlib.h>

#include "apps/yukawa_data.h"

enum { M_ABS, MS_ABS, CORRELATOR, LOCAL = 3 }; /* the first two, then correlators or so many local observables */

const char *yukawa_input_name(const yukawa_standard *s, int k, char name[16]) {
  static const char *const first[] = {"|m|", "|m_s|", "phi^2", "|box|", "|stag. box|"};
  if (s->what == YUKAWA_FIELDS)
    snprintf(name, 16, "phi");
  else if (k < CORRELATOR || s->what == YUKAWA_LOCAL)
    snprintf(name, 16, "%s", first[k]);
  else
    snprintf(name, 16, "G_c(%d)", k - CORRELATOR);
  return name;
}

static double observable(const yukawa_data *y, int what, long i, int k) {
  static const int column[LOCAL] = {SCALAR_COL_PHI2, SCALAR_COL_BOX, SCALAR_COL_CBOX};
  const double *row = y->observable + i * y->columns;
  if (k == M_ABS) return fabs(row[SCALAR_COL_M]);
  if (k == MS_ABS) return fabs(row[SCALAR_COL_MS]);
  if (what == YUKAWA_LOCAL) return row[column[k - CORRELATOR]];
  return row[SCALAR_COLS + k - CORRELATOR] - row[SCALAR_COL_M] * row[SCALAR_COL_M];
}

/* ---- symmetries ---- */
static uint32_t below(uint32_t word, int n) { /* uniform to 2^-24 for sides up to 256 */
  return (uint32_t)((uint64_t)word * (uint32_t)n >> 32);
}

yukawa_symmetry yukawa_symmetry_draw(const yukawa_data *y, rng r, uint64_t index, uint32_t pass) {
  philox4x32_ctr_t a = rng_words(r, index, pass, 0), b = rng_words(r, index, pass, 1);
  yukawa_symmetry g = {{0, 1, 2}, {0}, a.v[3] & 1 ? -1 : 1, {false}};
  for (int k = 0; k < y->d; k++) {
    g.shift[k] = (int)below(a.v[k], y->side[k]), g.flip[k] = a.v[3] >> (1 + k) & 1;
    int equal[3], n = 0; /* of the axes that follow, k included, those as long as this one */
    for (int j = k; j < y->d; j++)
      if (y->side[g.axis[j]] == y->side[g.axis[k]]) equal[n++] = j;
    int j = equal[below(b.v[k], n)], swap = g.axis[k];
    g.axis[k] = g.axis[j], g.axis[j] = swap;
  }
  return g;
}

/* Where coordinate n of axis k is read from. */
static void offsets(const yukawa_data *y, const yukawa_symmetry *g, int k, long *to) {
  int source = g->axis[k], L = y->side[source];
  long stride = 1;
  for (int j = source + 1; j < y->d; j++) stride *= y->side[j];
  for (int n = 0; n < L; n++) to[n] = ((g->shift[k] + (g->flip[k] ? L - n : n)) % L) * stride;
}

static void put_field(const yukawa_data *y, const float *phi, const yukawa_symmetry *g, nn_real *to, size_t stride) {
  long at[3][YUKAWA_SIDE] = {{0}};
  int side[3] = {1, 1, 1};
  for (int k = 0; k < y->d; k++) side[k] = y->side[k], offsets(y, g, k, at[k]);
  nn_real sign = (nn_real)g->sign;
  for (int a = 0; a < side[0]; a++)
    for (int b = 0; b < side[1]; b++)
      for (int c = 0; c < side[2]; c++, to += stride) *to = sign * (nn_real)phi[at[0][a] + at[1][b] + at[2][c]];
}

void yukawa_input(const yukawa_data *y, const yukawa_standard *s, long i, const yukawa_symmetry *g, nn_real *to,
                  size_t stride) {
  if (s->what != YUKAWA_FIELDS) {
    for (int k = 0; k < s->inputs; k++)
      to[(size_t)k * stride] = (nn_real)((observable(y, s->what, i, k) - s->mean[k]) / s->sd[k]);
    return;
  }
  const float *phi = y->field + i * y->sites;
  if (g)
    put_field(y, phi, g, to, stride);
  else
    for (long n = 0; n < y->sites; n++) to[(size_t)n * stride] = (nn_real)phi[n];
}

/* ---- samples ---- */
static int fetch(void *ctx, int n, const long *index, const nn_lanes *to, err *e) {
  const yukawa_samples *w = ctx;
  for (int lane = 0; lane < n; lane++) {
    long i = w->index[index[lane]], chain = i / w->y->per;
    yukawa_input(w->y, w->s, i, NULL, to->x[0] + lane, (size_t)to->lanes);
    if (to->target) to->target[lane] = (nn_real)((w->y->kappa[chain] - w->s->target_mean) / w->s->target_sd);
    if (to->target && w->weight) to->weight[lane] = (nn_real)w->weight[chain];
  }
  return 0;
}

static void augment(void *ctx, long index, int lane, rng r, uint32_t pass, const nn_lanes *to) {
  const yukawa_samples *w = ctx;
  yukawa_symmetry g = yukawa_symmetry_draw(w->y, r, (uint64_t)index, pass);
  yukawa_input(w->y, w->s, w->index[index], &g, to->x[0] + lane, (size_t)to->lanes);
}

static bool validates(long chain, double share) {
  return floor((double)(chain + 1) * share) > floor((double)chain * share);
}

int yukawa_samples_new(yukawa_samples *w, const yukawa_data *y, const yukawa_standard *s, int part, double valid,
                       bool images, err *e) {
  *w = (yukawa_samples){.y = y, .s = s, .index = malloc(sizeof *w->index * (size_t)y->n)};
  w->set = (nn_dataset){w, 0, false, fetch, images && s->what == YUKAWA_FIELDS ? augment : NULL};
  if (!w->index) return err_set(e, ERR_RUN, "samples: out of memory");
  for (long i = 0; i < y->n; i++)
    if (part == YUKAWA_ALL || (part == YUKAWA_VALID) == validates(i / y->per, valid)) w->index[w->set.count++] = i;
  if (w->set.count) return 0;
  return err_set(e, ERR_DECK, "data.validation: a share of %g of %ld chains leaves none to %s", valid, y->chains,
                 part == YUKAWA_VALID ? "validate" : "train");
}

void yukawa_samples_free(yukawa_samples *w) {
  free(w->index);
}

/* Mean and sd over the training samples of input k, or of kappa where k < 0. */
static void moments(const yukawa_samples *w, int k, double *mean, double *sd) {
  double sum = 0, square = 0, n = (double)w->set.count;
  for (int pass = 0; pass < 2; pass++)
    for (long j = 0; j < w->set.count; j++) {
      long i = w->index[j];
      double x = k < 0 ? w->y->kappa[i / w->y->per] : observable(w->y, w->s->what, i, k);
      if (pass)
        square += (x - sum / n) * (x - sum / n);
      else
        sum += x;
    }
  *mean = sum / n, *sd = square > 0 ? sqrt(square / n) : 1;
}

void yukawa_standard_fit(yukawa_standard *s, const yukawa_samples *train) {
  bool fields = s->what == YUKAWA_FIELDS;
  s->inputs = fields ? 1 : CORRELATOR + (s->what == YUKAWA_LOCAL ? LOCAL : train->y->side[0] / 2 + 1);
  s->mean[0] = 0, s->sd[0] = 1;
  for (int k = 0; k < s->inputs && !fields; k++) moments(train, k, &s->mean[k], &s->sd[k]);
  moments(train, -1, &s->target_mean, &s->target_sd);
}

nn_net_task yukawa_task(const yukawa_data *y, const yukawa_standard *s, int outputs) {
  nn_net_task t = {.in = {{1, 1, 1}, s->inputs}, .outputs = outputs};
  for (int k = 0; k < y->d && s->what == YUKAWA_FIELDS; k++) t.in.extent[k] = y->side[k];
  return t;
}
