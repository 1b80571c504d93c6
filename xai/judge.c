/* judge.c: localisation scores and cascading randomisation (see judge.h). */
#include "xai/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double xai_mass_accuracy(size_t n, const nn_real *R, size_t stride, const unsigned char *truth) {
  double in = 0, all = 0;
  for (size_t i = 0; i < n; i++) {
    double v = fmax((double)R[i * stride], 0);
    all += v;
    in += truth[i] ? v : 0;
  }
  return all > 0 ? in / all : NAN;
}

typedef struct entry {
  double v;
  size_t i;
} entry;

static int larger_first(const void *a, const void *b) {
  const entry *x = a, *y = b;
  return x->v > y->v ? -1 : x->v < y->v ? 1 : x->i < y->i ? -1 : 1;
}

double xai_rank_accuracy(size_t n, const nn_real *R, size_t stride, const unsigned char *truth) {
  entry *s = malloc((n ? n : 1) * sizeof *s);
  size_t K = 0, hits = 0;
  if (!s) return NAN;
  for (size_t i = 0; i < n; i++) s[i] = (entry){(double)R[i * stride], i}, K += truth[i] != 0;
  qsort(s, n, sizeof *s, larger_first);
  for (size_t i = 0; i < K; i++) hits += truth[s[i].i] != 0;
  free(s);
  return K ? (double)hits / (double)K : NAN;
}

/* rank (n) of v (n): equal numbers share the mean of their places. */
static void ranks(size_t n, const double *v, entry *s, double *rank) {
  for (size_t i = 0; i < n; i++) s[i] = (entry){v[i], i};
  qsort(s, n, sizeof *s, larger_first);
  for (size_t i = 0, end; i < n; i = end) {
    for (end = i + 1; end < n && s[end].v == s[i].v;) end++;
    for (size_t k = i; k < end; k++) rank[s[k].i] = 0.5 * (double)(i + end - 1);
  }
}

double xai_spearman(size_t n, const double *a, const double *b) {
  entry *s = malloc((n ? n : 1) * sizeof *s);
  double *rank = malloc(2 * (n ? n : 1) * sizeof *rank), sab = 0, saa = 0, sbb = 0, mean = 0.5 * ((double)n - 1);
  if (s && rank) {
    ranks(n, a, s, rank), ranks(n, b, s, rank + n);
    for (size_t i = 0; i < n; i++) {
      double x = rank[i] - mean, y = rank[n + i] - mean;
      sab += x * y, saa += x * x, sbb += y * y;
    }
  }
  free(s), free(rank);
  return saa > 0 && sbb > 0 ? sab / sqrt(saa * sbb) : NAN;
}

enum { SIZE, SIGN, SLOPE };
static double compared(const xai_cascade *c, const nn_real *R, size_t at, int what) {
  double v = (double)R[at], x = what == SLOPE ? (double)c->x[at] : 1;
  return what == SIGN ? v : x != 0 ? fabs(v / x) : 0;
}

/* Mean over valid lanes of the rank correlation of R and now; a, b: workspace of one lane each. */
static double agreement(const xai_cascade *c, const nn_real *R, const nn_real *now, int what, double *a, double *b) {
  double sum = 0;
  for (int lane = 0; lane < c->valid; lane++) {
    for (size_t i = 0; i < c->inputs; i++) {
      size_t at = i * (size_t)c->lanes + (size_t)lane;
      a[i] = compared(c, R, at, what), b[i] = compared(c, now, at, what);
    }
    sum += xai_spearman(c->inputs, a, b);
  }
  return sum / c->valid;
}

static xai_likeness likeness(const xai_cascade *c, const nn_real *R, const nn_real *now, double *room) {
  double *b = room + c->inputs;
  return (xai_likeness){agreement(c, R, now, SIZE, room, b), agreement(c, R, now, SIGN, room, b),
                        c->x ? agreement(c, R, now, SLOPE, room, b) : NAN};
}

static void initialise(const xai_cascade *c, const nn_node *n, nn_real *theta) {
  nn_shape in[NN_MAX_IN];
  char stream[80];
  for (int k = 0; k < n->nin; k++) in[k] = c->graph->node[n->in[k]].shape;
  snprintf(stream, sizeof stream, "cascade %s", n->name);
  memset(theta + n->param, 0, n->nparam * sizeof *theta);
  if (n->op->init) n->op->init(n, in, theta + n->param, rng_stream(c->seed, stream));
}

/* The explanation at parameters now, compared with the first one R (count): R + count is room for it. */
static int compare(const xai_cascade *c, const nn_real *now, nn_real *R, double *lane, xai_likeness *rho, err *e) {
  nn_real *again = R + c->inputs * (size_t)c->lanes;
  if (c->explain(c->ctx, now, again, e)) return e->code;
  *rho = likeness(c, R, again, lane);
  return 0;
}

int xai_cascade_run(const xai_cascade *c, const nn_real *theta, int most, int *node, xai_likeness *rho, err *e) {
  size_t count = c->inputs * (size_t)c->lanes;
  nn_real *now = nn_alloc(c->graph->nparam * sizeof *now), *R = nn_alloc(2 * count * sizeof *R);
  double *lane = malloc(2 * c->inputs * sizeof *lane);
  int steps = 0, bad = now && R && lane ? 0 : err_set(e, ERR_RUN, "cascading randomisation: out of memory");
  if (!bad) memcpy(now, theta, c->graph->nparam * sizeof *now);
  if (!bad) bad = c->explain(c->ctx, now, R, e);
  for (int i = c->graph->nnodes - 1; i >= 0 && !bad && steps < most; i--) {
    const nn_node *n = &c->graph->node[i];
    if (!n->op || !n->nparam) continue;
    initialise(c, n, now);
    if (node) node[steps] = i;
    rho[steps] = (xai_likeness){NAN, NAN, NAN};
    if (!c->last) bad = compare(c, now, R, lane, &rho[steps], e);
    steps++;
  }
  if (c->last && steps && !bad) bad = compare(c, now, R, lane, &rho[steps - 1], e);
  free(now), free(R), free(lane);
  return bad ? -1 : steps;
}
