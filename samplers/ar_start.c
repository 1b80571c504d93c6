/* ar_start.c: first parameters of a proposal's network: by chance, from a file, or grown from a smaller lattice. */
#include <stdlib.h>

#include "nn/grow.h"
#include "nn/store.h"
#include "samplers/ar.h"

int ar_start(const ar *a, const deck *d, unsigned seed, nn_real **theta, err *e) {
  nn_net_conf net;
  deck_get(d, "net", nn_net_keys, &net);
  if (net.from && net.grow)
    return err_set(e, ERR_DECK, "%s: net.grow: net.from gives the first parameters already",
                   deck_where(d, "net", "grow"));
  *theta = nn_alloc(a->net->nparam * sizeof **theta);
  if (!*theta) return err_set(e, ERR_RUN, "parameters: out of memory");
  nn_init(a->net, *theta, seed);
  if (net.from && nn_store_read(net.from, a->net, *theta, e))
    return err_context(e, "%s: net.from", deck_where(d, "net", "from"));
  return 0;
}

int ar_grow(const ar *a, const deck *d, nn_real *theta, const ar *small, const char *file, err *e) {
  nn_real *old = nn_alloc(small->net->nparam * sizeof *old);
  if (!old) return err_set(e, ERR_RUN, "parameters: out of memory");
  if (!nn_store_read(file, small->net, old, e)) nn_grow(small->net, small->causal, old, a->net, a->causal, theta, e);
  free(old);
  return e->code ? err_context(e, "%s: net.grow", deck_where(d, "net", "grow")) : 0;
}
