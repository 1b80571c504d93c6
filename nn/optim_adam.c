/* optim_adam.c: Adam (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019):
 *   m = b1 m + (1-b1) g,  v = b2 v + (1-b2) g^2,  theta -= lr (mhat / (sqrt(vhat) + eps) + decay theta) */
#include <math.h>

#include "nn/optim.h"

typedef struct conf {
  double beta1, beta2, eps, decay;
} conf;

static const deck_key keys[] = {
    {"beta1", DECK_REAL, offsetof(conf, beta1), "0.9", 0, 0.99999, .help = "memory of the mean gradient"},
    {"beta2", DECK_REAL, offsetof(conf, beta2), "0.999", 0, 0.999999, .help = "memory of its square"},
    {"eps", DECK_REAL, offsetof(conf, eps), "1e-8", 0, 1, .help = "added to the root"},
    {"decay", DECK_REAL, offsetof(conf, decay), "0", 0, 1, .help = "decoupled weight decay"},
    {0},
};

static void update(const void *p, long step, double lr, bool decay, size_t from, size_t to, nn_real *theta,
                   const nn_real *grad, nn_real *const *moment) {
  const conf *c = p;
  nn_real b1 = (nn_real)c->beta1, b2 = (nn_real)c->beta2, eps = (nn_real)c->eps,
          keep = (nn_real)(1 - (decay ? lr * c->decay : 0));
  nn_real a1 = (nn_real)(1 / (1 - pow(c->beta1, (double)step + 1))),
          a2 = (nn_real)(1 / (1 - pow(c->beta2, (double)step + 1)));
  nn_real rate = (nn_real)lr, *restrict m = moment[0], *restrict v = moment[1];
  for (size_t i = from; i < to; i++) {
    m[i] = b1 * m[i] + (1 - b1) * grad[i];
    v[i] = b2 * v[i] + (1 - b2) * grad[i] * grad[i];
#ifdef NN_SINGLE
    theta[i] = keep * theta[i] - rate * a1 * m[i] / (sqrtf(a2 * v[i]) + eps);
#else
    theta[i] = keep * theta[i] - rate * a1 * m[i] / (sqrt(a2 * v[i]) + eps);
#endif
  }
}

const nn_optim_type nn_optim_adam = {.kind = {"adam", "Adam with decoupled weight decay", keys},
                                     .conf_size = sizeof(conf),
                                     .moments = 2,
                                     .update = update};
