/* test_patterns.c: filters as sums of sign patterns against the sum written down, and the observables that filters
 * define against boxes of lattice/scalar.h and against a convolution of the network. */
#include "nn/layers.h"
#include "scalar_fixture.h"
#include "xai/patterns.h"

static void projections(void) {
  rng r = rng_stream(2, "patterns");
  for (int d = 1; d <= 3; d++) {
    int taps = 1 << d;
    double w[8], c[8], back[8] = {0}, norm = 0, energy = 0;
    char name[8];
    for (int q = 0; q < taps; q++) { /* pattern q itself */
      for (int n = 0; n < taps; n++) {
        int coordinate[3] = {n >> (d - 1) & 1, d > 1 ? n >> (d - 2) & 1 : 0, n & 1}, sign = 1;
        for (int k = 0; k < d; k++)
          if (q >> k & 1 && coordinate[k]) sign = -sign;
        w[n] = 3 * sign;
      }
      xai_patterns(d, w, c);
      for (int p = 0; p < taps; p++) CHECK_NEAR(c[p], p == q, 1e-15);
      CHECK_INT(strlen(xai_pattern_name(d, q, name)), d);
      for (int k = 0; k < d; k++) CHECK_INT(name[k], q >> k & 1 ? '-' : '+');
    }
    for (int n = 0; n < taps; n++) w[n] = rng_normal(r, (uint64_t)(d * 8 + n), 0, 0), norm += w[n] * w[n];
    xai_patterns(d, w, c);
    for (int q = 0; q < taps; q++) energy += c[q] * c[q];
    CHECK_NEAR(energy, 1, 1e-14);
    for (int q = 0; q < taps; q++) { /* w is the sum of its parts */
      double unit[8] = {0}, pattern[8];
      for (int n = 0; n < taps; n++) {
        unit[n] = 1, xai_patterns(d, unit, pattern), unit[n] = 0;
        back[n] += c[q] * pattern[q] * sqrt(norm);
      }
    }
    for (int n = 0; n < taps; n++) CHECK_NEAR(back[n], w[n], 1e-14);
  }
  double zero[8] = {0}, c[8];
  xai_patterns(3, zero, c);
  for (int q = 0; q < 8; q++) CHECK_INT(c[q] != 0, 0);
}

/* Uniform and checkerboard filters are the boxes; any filter is what the network's convolution makes of the field. */
static void observables(void) {
  enum { FILTERS = 70, TAPS = 8 };
  scalar_grid *g = grid_of(3, 6, 4, 8, 0, NULL);
  double *phi = scalar_field(g), obs[SCALAR_NOBS], w[TAPS * FILTERS], mean[FILTERS];
  float field[6 * 4 * 8];
  rng r = rng_stream(4, "filters");
  err e = {0};
  fill_normal(g, phi, "patterns");
  for (long i = 0; i < g->n; i++) field[i] = (float)phi[i], phi[i] = (double)field[i];
  scalar_exchange(g, phi), scalar_measure(g, phi, obs, NULL);
  for (int i = 0; i < TAPS * FILTERS; i++) w[i] = rng_normal(r, (uint64_t)i, 0, 0);
  for (int t = 0; t < TAPS; t++) { w[t * FILTERS] = 1, w[t * FILTERS + 69] = (t ^ t >> 1 ^ t >> 2) & 1 ? -1 : 1; }
  xai_filter_observables(3, g->side, field, FILTERS, w, mean);
  CHECK_REL(mean[0], obs[SCALAR_BOX] / (double)g->n, 1e-13);
  CHECK_REL(mean[69], obs[SCALAR_CBOX] / (double)g->n, 1e-13);

  nn_graph *net = nn_graph_new();
  nn_window_conf window = nn_window_same(3, 2, 1, true);
  int x = nn_input(net, "x", (nn_shape){{6, 4, 8}, 1});
  x = nn_layer_conv(net, x, window, FILTERS, false, 1, &e);
  nn_plan *plan = NULL;
  nn_frame *f = NULL;
  CHECK_REPORT(
      !nn_finish(net, x, &e) && !nn_plan_new(&plan, net, 1, false, false, &e) && !nn_frame_new(&f, plan, NULL, &e),
      "%.200s", e.text);
  nn_real *theta = nn_alloc(net->nparam * sizeof *theta);
  for (int i = 0; i < TAPS * FILTERS; i++) theta[i] = (nn_real)w[i];
  for (long i = 0; i < g->n; i++) f->value[0][i] = (nn_real)field[i];
  f->theta = theta;
  nn_forward(plan, f);
  for (int k = 0; k < FILTERS; k++) {
    double sum = 0;
    for (long i = 0; i < g->n; i++) sum += fabs((double)f->value[x][i * FILTERS + k]);
    CHECK_REL(mean[k], sum / (double)g->n, 1e-12);
  }
  nn_frame_free(f, NULL), nn_plan_free(plan), nn_graph_free(net), free(theta);
  scalar_field_free(g, phi), scalar_grid_free(g);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  projections(), observables();
  return check_done();
}
