/* series_model.c: series_model_write, _open, _close, _at_rate, _scale, _class (see series_model.h). */
#include "apps/series_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signals/ecg_sim.h"

#define INPUT "/model/input"

/* Lines of text. NULL: out of memory. */
static char *lines(int n, char *const *name) {
  char *text = NULL;
  size_t size;
  FILE *f = open_memstream(&text, &size);
  for (int k = 0; f && k < n; k++) fprintf(f, "%s\n", name[k]);
  if (f) fclose(f);
  return text;
}

int series_model_write(h5 *f, const void *self, err *e) {
  const series_stored *s = self;
  const series_data *d = s->data;
  size_t leads = (size_t)d->leads;
  char *classes = lines(d->classes, d->name), *names = lines(d->leads, (char *const *)ecg_lead_names);
  if (!classes || !names) err_set(e, ERR_RUN, "names of classes: out of memory");
  if (!e->code && !nn_store_write(f, &s->net, e) &&
      !h5_write(f, INPUT "/mean", H5_F64, 1, &leads, d->mean, "mV", "of each lead, taken off before the network", e) &&
      !h5_write(f, INPUT "/sd", H5_F64, 1, &leads, d->sd, "mV", "of each lead, divided by", e) &&
      !h5_write_text(f, "/model/classes", classes, "names of the outputs, one per line", e) &&
      !h5_attr_text(f, INPUT, "leads", names, e) && !h5_attr_f64(f, INPUT, "rate", d->rate, e) &&
      !h5_attr_i64(f, INPUT, "window", s->window, e) && !h5_attr_i64(f, INPUT, "seed", d->seed, e))
    h5_attr_i64(f, INPUT, "person", s->person, e);
  free(classes), free(names);
  return e->code;
}

static int read_classes(series_model *m, h5 *f, err *e) {
  char *text = NULL;
  if (h5_read_text(f, "/model/classes", &text, e)) return e->code;
  for (char *c = text; *c; c++) m->classes += *c == '\n';
  m->name = calloc((size_t)m->classes + 1, sizeof *m->name);
  char *at = text;
  for (int k = 0; k < m->classes && m->name; k++) {
    m->name[k] = strndup(at, strcspn(at, "\n"));
    at += strcspn(at, "\n") + 1;
  }
  if (!m->name) err_set(e, ERR_RUN, "out of memory");
  free(text);
  return e->code;
}

static int read_input(series_model *m, h5 *f, const char *path, err *e) {
  long long window = 0, person = 0, seed = 0;
  if (!h5_has(f, INPUT) || !h5_has(f, "/model/classes"))
    return err_set(e, ERR_FILE, "%s: holds no scaling of its input (" INPUT "): train it again with this version",
                   path);
  if (h5_read(f, INPUT "/mean", H5_F64, m->mean, SERIES_LEADS, e) ||
      h5_read(f, INPUT "/sd", H5_F64, m->sd, SERIES_LEADS, e) || h5_read_attr_f64(f, INPUT, "rate", &m->rate, e) ||
      h5_read_attr_i64(f, INPUT, "window", &window, e) || h5_read_attr_i64(f, INPUT, "person", &person, e) ||
      h5_read_attr_i64(f, INPUT, "seed", &seed, e))
    return e->code;
  m->window = (long)window, m->person = person != 0, m->seed = (uint32_t)seed;
  bool good = m->window > 0 && m->rate > 0;
  for (int l = 0; l < SERIES_LEADS; l++) good &= isfinite(m->mean[l]) && m->sd[l] > 0;
  return good ? 0 : err_set(e, ERR_FILE, "%s: " INPUT ": rate, window and sd must be positive", path);
}

static int build(const series_model *m, long window, double stretch, nn_graph **g, err *e) {
  nn_net_task task = {.in = {{(int)window, 1, 1}, SERIES_LEADS},
                      .outputs = m->classes,
                      .meta = m->person ? SERIES_PERSON : 0,
                      .rate = stretch,
                      .want_grad = true};
  return nn_nets_build(g, &task, m->past.deck, e);
}

int series_model_open(series_model *m, const char *path, err *e) {
  *m = (series_model){0};
  if (run_past_open(&m->past, path, &app_series, e) || read_input(m, m->past.f, path, e) ||
      read_classes(m, m->past.f, e) || build(m, m->window, 0, &m->g, e) || nn_parameters(m->g, &m->theta, &m->state, e))
    return e->code;
  return nn_store_read_all(m->past.file, m->g, m->theta, m->state, e);
}

void series_model_close(series_model *m) {
  for (int k = 0; m->name && k < m->classes; k++) free(m->name[k]);
  nn_graph_free(m->g), run_past_close(&m->past);
  free(m->name), free(m->theta), free(m->state);
  *m = (series_model){0};
}

int series_model_at_rate(const series_model *m, double rate, nn_graph **g, err *e) {
  long window = lrint((double)m->window * rate / m->rate);
  const deck_kind *kind = deck_kind_of(m->past.deck, "net");
  if (rate == m->rate) return build(m, m->window, 0, g, e);
  if (strcmp(kind->name, "s4"))
    return err_set(e, ERR_DECK,
                   "a network of kind %s cannot be told of another sampling rate: record.transfer: resample",
                   kind->name);
  if (build(m, window, m->rate / rate, g, e)) return e->code;
  return (*g)->nparam == m->g->nparam
             ? 0
             : err_set(e, ERR_DECK, "this network has other parameters for another length: record.transfer: resample");
}

void series_model_scale(const series_model *m, series_data *s) {
  memcpy(s->mean, m->mean, sizeof s->mean), memcpy(s->sd, m->sd, sizeof s->sd);
  series_scale(s);
}

int series_model_class(const series_model *m, const char *name, err *e) {
  for (int k = 0; k < m->classes; k++)
    if (!strcmp(m->name[k], name)) return k;
  const char *near = deck_suggest(name, (const char *const *)m->name, m->classes);
  err_set(e, ERR_DECK, "%s is none of the %d classes of the network (%s%s%s)", name, m->classes,
          near ? "did you mean " : "", near ? near : m->name[0], near ? "?" : " ...");
  return -1;
}
