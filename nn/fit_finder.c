/* fit_finder.c: the search for a learning rate (Smith 2017): steps at rates that rise geometrically, on a copy of the
 * parameters, until the loss exceeds four times its least value. Of the smoothed curve the rate is taken where the loss
 * falls most steeply in ln(rate), which lies well below the rate at which it begins to rise. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/fit_priv.h"

static double rate_at(const nn_fit *f, long step) {
  return f->c.finder_from * pow(f->c.finder_to / f->c.finder_from, (double)step / (double)(f->c.finder_steps - 1));
}

/* Loss of n steps; returns how many were done. */
static long climb(nn_fit *f, double *rate, double *loss, err *e) {
  long per = f->c.batch, count = f->task.train->count, batches = (count + per - 1) / per, n = 0;
  double smooth = 0, least = INFINITY;
  for (; n < f->c.finder_steps; n++) {
    double sum[2], norm;
    long first = n % batches * per, left = count - first;
    if (nn_fit_batch(f, (uint32_t)(n / batches), first, left < per ? left : per, (uint32_t)n, sum, e)) break;
    rate[n] = rate_at(f, n);
    smooth = 0.9 * smooth + 0.1 * sum[0] / fmax(sum[1], 1e-300);
    loss[n] = smooth / (1 - pow(0.9, (double)n + 1));
    if (!isfinite(loss[n]) || (n && loss[n] > least + 3 * fabs(least))) break;
    least = fmin(least, loss[n]);
    nn_optim_update_at(f->optim, n, rate[n], f->theta, f->grad, f->crew->c->threads, &norm);
    if (!isfinite(norm)) break;
  }
  return n;
}

/* Rate of the steepest fall between neighbours two apart; the deck's where nothing falls. */
static double steepest(const nn_fit *f, const double *rate, const double *loss, long n) {
  double best = 0, lr = nn_optim_lr(f->optim);
  for (long i = 1; i + 1 < n; i++)
    if (loss[i + 1] - loss[i - 1] < best) best = loss[i + 1] - loss[i - 1], lr = rate[i];
  return lr;
}

int nn_fit_find_lr(nn_fit *f, err *e) {
  size_t bytes = f->task.g->nparam * sizeof(nn_real);
  double *rate = f->finder, *loss = rate + f->c.finder_steps;
  nn_real *keep = malloc(bytes + 1);
  if (!keep) err_set(e, ERR_RUN, "fit: out of memory");
  if (!comm_vote(f->crew->c, e)) {
    memcpy(keep, f->theta, bytes);
    long n = climb(f, rate, loss, e);
    memcpy(f->theta, keep, bytes);
    nn_optim_reset(f->optim);
    f->s.lr = steepest(f, rate, loss, n);
    f->s.tried = (double)n;
    run_log(f->r, "fit: learning rate %.3g", f->s.lr);
  }
  free(keep);
  return e->code;
}
