/* optim_sgd.c: stochastic gradient descent with momentum:  m = mu m + g,  theta -= lr m. */
#include "nn/optim.h"

typedef struct conf {
  double momentum;
} conf;

static const deck_key keys[] = {
    {"momentum", DECK_REAL, offsetof(conf, momentum), "0.9", 0, 0.99999, .help = "memory of earlier gradients"},
    {0},
};

static void update(const void *p, long step, double lr, bool decay, size_t from, size_t to, nn_real *theta,
                   const nn_real *grad, nn_real *const *moment) {
  nn_real mu = (nn_real)((const conf *)p)->momentum, rate = (nn_real)lr, *restrict m = moment[0];
  for (size_t i = from; i < to; i++) {
    m[i] = mu * m[i] + grad[i];
    theta[i] -= rate * m[i];
  }
}

const nn_optim_type nn_optim_sgd = {
    .kind = {"sgd", "gradient descent with momentum", keys}, .conf_size = sizeof(conf), .moments = 1, .update = update};
