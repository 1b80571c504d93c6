/* loss.c: the table of losses (see loss.h). d = z - t, p = sigma(z):
 *   mse            d^2 / 2 per number                huber          d^2 / 2 below delta, delta (|d| - delta / 2) beyond
 *   gaussian_nll   (d^2 exp(-s) + s) / 2, outputs mean and s = ln variance (Nix & Weigend 1994)
 *   cross_entropy  -ln softmax(z)[t], one class number per position
 *   bce            -t ln p - (1 - t) ln(1 - p) per label
 *   focal          bce times (1 - p_t)^gamma (Lin et al. 2017) */
#include "nn/loss.h"

#include <math.h>
#include <string.h>

const deck_key nn_loss_keys[] = {
    {"delta", DECK_REAL, offsetof(nn_loss_conf, delta), "1", 1e-9, 1e9, .help = "huber: where the parabola ends"},
    {"gamma", DECK_REAL, offsetof(nn_loss_conf, gamma), "2", 0, 10, .help = "focal: how easy cases are played down"},
    {"smoothing", DECK_REAL, offsetof(nn_loss_conf, smoothing), "0", 0, 0.99,
     .help = "cross entropy: share of the weight spread over all classes"},
    {"warmup", DECK_INT, offsetof(nn_loss_conf, warmup), "0", 0, 1e9,
     .help = "positions at the beginning of a sequence that do not count"},
    {"balance", DECK_REALS, offsetof(nn_loss_conf, balance), "[]", 0, 1e9,
     .help = "weight of each class, or of each label's positives"},
    {0},
};

static int same(int quantities) {
  return quantities;
}
static int two(int quantities) {
  return 2 * quantities;
}
static int one(int quantities) {
  return 1;
}

/* Number i of the row: w value, w slope -> sums and dz. */
static void put(nn_loss_row *r, size_t i, double w, double value, double slope) {
  r->value += w * value;
  r->count += w;
  if (r->dz) r->dz[i] = (nn_real)(w * slope);
}

/* Weight of number i of the targets; 0 where it is missing. */
static double weight_of(const nn_loss_row *r, size_t i) {
  return isnan(r->t[i]) ? 0 : (double)r->weight[i % (size_t)r->S];
}

static void clear(nn_loss_row *r) {
  if (r->dz) memset(r->dz, 0, (size_t)r->outputs * (size_t)r->S * sizeof *r->dz);
}

static void mse_row(const nn_loss_conf *c, nn_loss_row *r) {
  clear(r);
  for (size_t i = 0; i < (size_t)r->targets * (size_t)r->S; i++) {
    double w = weight_of(r, i), d = w > 0 ? (double)r->z[i] - (double)r->t[i] : 0;
    if (w > 0) put(r, i, w, d * d / 2, d);
  }
}

static void huber_row(const nn_loss_conf *c, nn_loss_row *r) {
  clear(r);
  for (size_t i = 0; i < (size_t)r->targets * (size_t)r->S; i++) {
    double w = weight_of(r, i), d = w > 0 ? (double)r->z[i] - (double)r->t[i] : 0, a = fabs(d);
    if (w > 0 && a <= c->delta) put(r, i, w, d * d / 2, d);
    if (w > 0 && a > c->delta) put(r, i, w, c->delta * (a - c->delta / 2), copysign(c->delta, d));
  }
}

/* Outputs: all means, then all log variances, which are held within +- 30. */
static void gaussian_nll_row(const nn_loss_conf *c, nn_loss_row *r) {
  size_t n = (size_t)r->targets * (size_t)r->S;
  clear(r);
  for (size_t i = 0; i < n; i++) {
    double w = weight_of(r, i), s = fmax(-30, fmin(30, (double)r->z[n + i]));
    if (!(w > 0)) continue;
    double d = (double)r->z[i] - (double)r->t[i], precision = exp(-s);
    put(r, i, w, (d * d * precision + s) / 2, d * precision);
    if (r->dz) r->dz[n + i] = (double)r->z[n + i] == s ? (nn_real)(w * (1 - d * d * precision) / 2) : 0;
  }
}

static double balance_of(const nn_loss_conf *c, int k) {
  return k < c->balance.n ? c->balance.v[k] : 1;
}

static void cross_entropy_row(const nn_loss_conf *c, nn_loss_row *r) {
  int K = r->outputs, S = r->S;
  clear(r);
  for (int i = 0; i < S; i++) {
    int k = (r->t[i] >= 0 && r->t[i] < (nn_real)K) ? (int)r->t[i] : -1;
    double w = k < 0 ? 0 : (double)r->weight[i] * balance_of(c, k), top = -INFINITY, sum = 0, mean = 0;
    if (!(w > 0)) continue;
    for (int j = 0; j < K; j++) top = fmax(top, (double)r->z[(size_t)j * S + i]);
    for (int j = 0; j < K; j++) {
      sum += exp((double)r->z[(size_t)j * S + i] - top);
      mean += (double)r->z[(size_t)j * S + i] / K;
    }
    double ln = top + log(sum), own = 1 - c->smoothing;
    for (int j = 0; j < K && r->dz; j++) {
      double p = exp((double)r->z[(size_t)j * S + i] - ln);
      r->dz[(size_t)j * S + i] = (nn_real)(w * (p - c->smoothing / K - (j == k ? own : 0)));
    }
    r->value += w * (ln - own * (double)r->z[(size_t)k * S + i] - c->smoothing * mean);
    r->count += w;
  }
}

/* -ln sigma(x) */
static double soft(double x) {
  return fmax(-x, 0) + log1p(exp(-fabs(x)));
}

static void bce_row(const nn_loss_conf *c, nn_loss_row *r) {
  clear(r);
  for (size_t i = 0; i < (size_t)r->targets * (size_t)r->S; i++) {
    double w = weight_of(r, i), z = (double)r->z[i], t = (double)r->t[i];
    if (!(w > 0)) continue;
    double up = balance_of(c, (int)(i / (size_t)r->S)) * t, p = 1 / (1 + exp(-z));
    put(r, i, w, up * soft(z) + (1 - t) * soft(-z), (1 - t) * p - up * (1 - p));
  }
}

/* With x = z for positives, -z for negatives: value = q^gamma soft(x), q = 1 - sigma(x); a target between 0 and 1 is a
 * mixture of both. */
static double focal_part(double gamma, double x, double *slope) {
  double l = soft(x), q = 1 / (1 + exp(x)), f = pow(q, gamma);
  *slope = -f * (gamma * (1 - q) * l + q);
  return f * l;
}

static void focal_row(const nn_loss_conf *c, nn_loss_row *r) {
  clear(r);
  for (size_t i = 0; i < (size_t)r->targets * (size_t)r->S; i++) {
    double w = weight_of(r, i), z = (double)r->z[i], t = (double)r->t[i], du, dv;
    if (!(w > 0)) continue;
    double b = balance_of(c, (int)(i / (size_t)r->S)) * t;
    double u = focal_part(c->gamma, z, &du), v = focal_part(c->gamma, -z, &dv);
    put(r, i, w, b * u + (1 - t) * v, b * du - (1 - t) * dv);
  }
}

#define LOSS(name, text, out, in) static const nn_loss name = {{#name, text, NULL}, out, in, name##_row}
LOSS(mse, "half the squared error", same, same);
LOSS(huber, "squared error that grows linearly beyond delta", same, same);
LOSS(gaussian_nll, "normal likelihood with mean and log variance", two, same);
LOSS(cross_entropy, "one class out of several", same, one);
LOSS(bce, "labels that may hold together, some missing", same, same);
LOSS(focal, "bce that plays easy cases down", same, same);
const deck_kind *const nn_losses[] = {&mse.kind,   &huber.kind, &gaussian_nll.kind, &cross_entropy.kind, &bce.kind,
                                      &focal.kind, NULL};

const nn_loss *nn_loss_named(const char *name) {
  for (const deck_kind *const *k = nn_losses; *k; k++)
    if (!strcmp((*k)->name, name)) return (const nn_loss *)*k;
  return NULL;
}

void nn_loss_shard(const nn_loss *l, const nn_loss_conf *c, const nn_frame *f, nn_shape shape, int targets,
                   const nn_real *z, const nn_real *t, const nn_real *weight, nn_real *dz, double sum[2]) {
  nn_real mask[NN_MAX_LANES];
  nn_loss_row r = {.targets = targets, .outputs = shape.channels, .S = f->lanes, .weight = mask};
  size_t out = nn_width(shape, f), in = (size_t)targets * (size_t)f->lanes;
  for (int p = 0; p < nn_positions(shape); p++) {
    nn_mask(f, shape, p, mask);
    for (int i = 0; i < f->lanes; i++) mask[i] *= (p < c->warmup ? 0 : 1) * (weight ? weight[i] : 1);
    r.z = z + (size_t)p * out, r.t = t + (size_t)p * in;
    r.dz = dz ? dz + (size_t)p * out : NULL;
    l->row(c, &r);
  }
  sum[0] += r.value, sum[1] += r.count;
}

int nn_loss_check(const nn_loss *l, const nn_loss_conf *c, int quantities, err *e) {
  bool used = l == &cross_entropy || l == &bce || l == &focal;
  if (c->balance.n && (!used || c->balance.n != quantities))
    return err_set(e, ERR_DECK, "loss.balance: %d weights; kind %s %s %d", c->balance.n, l->kind.name,
                   used ? "needs" : "takes none, of", quantities);
  return 0;
}
