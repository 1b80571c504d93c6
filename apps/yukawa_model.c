/* yukawa_model.c: the stored form of a network that regresses kappa (see yukawa_data.h). */
#include <stdlib.h>
#include <string.h>

#include "apps/yukawa_train.h"
#include "base/run_past.h"
#include "nn/fit.h"
#include "nn/store.h"

enum { TARGET_MEAN, TARGET_SD, TARGETS };
static const char *const words[] = {"fields", "observables", "local"}; /* YUKAWA_WHAT */

static int write_standard(h5 *f, const yukawa_model *m, err *e) {
  const yukawa_standard *s = &m->standard;
  size_t inputs = (size_t)s->inputs, targets = TARGETS, d = (size_t)m->d;
  double target[TARGETS] = {s->target_mean, s->target_sd};
  char names[16 * YUKAWA_INPUTS] = "", one[16];
  for (int k = 0; k < s->inputs; k++)
    snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", k ? "," : "", yukawa_input_name(s, k, one));
  if (h5_write_text(f, "/model/standard/what", words[s->what], "kind of the inputs", e) ||
      h5_write_text(f, "/model/standard/names", names, "names of the inputs, separated by commas", e) ||
      h5_write(f, "/model/standard/mean", H5_F64, 1, &inputs, s->mean, "1", "input: (x - mean) / sd", e) ||
      h5_write(f, "/model/standard/sd", H5_F64, 1, &inputs, s->sd, "1", "input: (x - mean) / sd", e) ||
      h5_write(f, "/model/standard/target", H5_F64, 1, &targets, target, "1",
               "a, b of kappa = a + b z, z the first output of the network", e))
    return e->code;
  return h5_write(f, "/model/standard/sides", H5_I32, 1, &d, m->side, "1", "lattice of the training data", e);
}

int yukawa_model_write(h5 *f, const void *model, err *e) {
  const yukawa_model *m = model;
  nn_stored stored = {m->g, m->theta, m->state};
  return nn_store_write(f, &stored, e) ? e->code : write_standard(f, m, e);
}

static int read_standard(yukawa_model *m, h5 *f, err *e) {
  yukawa_standard *s = &m->standard;
  double target[TARGETS];
  char *what = NULL;
  size_t dims[8];
  int rank;
  if (h5_read_text(f, "/model/standard/what", &what, e)) return e->code;
  for (s->what = 0; s->what <= YUKAWA_LOCAL && strcmp(what, words[s->what]);) s->what++;
  if (s->what > YUKAWA_LOCAL) err_set(e, ERR_FILE, "/model/standard/what: %.40s is unknown to this version", what);
  free(what);
  if (e->code) return e->code;
  if (h5_dims(f, "/model/standard/mean", &rank, dims, e)) return e->code;
  if (rank != 1 || dims[0] < 1 || dims[0] > YUKAWA_INPUTS)
    return err_set(e, ERR_FILE, "/model/standard/mean: not the inputs of this version");
  s->inputs = (int)dims[0];
  if (h5_read(f, "/model/standard/mean", H5_F64, s->mean, dims[0], e) ||
      h5_read(f, "/model/standard/sd", H5_F64, s->sd, dims[0], e) ||
      h5_read(f, "/model/standard/target", H5_F64, target, TARGETS, e) ||
      h5_dims(f, "/model/standard/sides", &rank, dims, e))
    return e->code;
  s->target_mean = target[TARGET_MEAN], s->target_sd = target[TARGET_SD];
  m->d = (int)dims[0];
  if (rank != 1 || m->d < 2 || m->d > 3) return err_set(e, ERR_FILE, "/model/standard/sides: 2 or 3 are expected");
  return h5_read(f, "/model/standard/sides", H5_I32, m->side, dims[0], e);
}

int yukawa_model_open(yukawa_model *m, const char *path, bool want_grad, err *e) {
  run_past past;
  *m = (yukawa_model){0};
  if (run_past_open(&past, path, &app_yukawa_train, e) || read_standard(m, past.f, e)) goto end;
  nn_loss_conf unused;
  yukawa_data like = {.d = m->d};
  memcpy(like.side, m->side, sizeof like.side);
  nn_net_task task = yukawa_task(&like, &m->standard, nn_fit_loss(past.deck, &unused)->outputs(1));
  task.want_grad = want_grad;
  if (nn_nets_build(&m->g, &task, past.deck, e)) goto end;
  if (!nn_parameters(m->g, &m->theta, &m->state, e)) nn_store_read_all(past.file, m->g, m->theta, m->state, e);
end:
  run_past_close(&past);
  return e->code ? err_context(e, "%s", path) : 0;
}

void yukawa_model_close(yukawa_model *m) {
  nn_graph_free(m->g), free(m->theta), free(m->state);
  *m = (yukawa_model){0};
}
