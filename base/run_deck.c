/* run_deck.c: run_keys, run_full_schema, run_input_read, run_input_parse, run_find_app, run_check, run_template. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/run_priv.h"
#include "base/sweep.h"

const deck_key run_keys[] = {
    {"seed", DECK_INT, offsetof(run_config, seed), "1", 0, 4294967295., NULL, "", "all random numbers follow from it",
     false},
    {"threads", DECK_INT, offsetof(run_config, threads), "0", 0, 1024, NULL, "",
     "threads per rank; 0: OMP_NUM_THREADS, or else the cores shared among the ranks of a node", true},
    {"memory_GB", DECK_REAL, offsetof(run_config, memory_GB), "2", .01, 1e5, NULL, "GB", "memory that a rank may use",
     true},
    {"log_every_s", DECK_REAL, offsetof(run_config, log_every_s), "30", .1, 86400, NULL, "s",
     "time between progress lines of a batch log", true},
    {"checkpoint_min", DECK_REAL, offsetof(run_config, checkpoint_min), "10", 0, 1e6, NULL, "min",
     "time between checkpoints; 0: only between phases, at a stop and at the end", true},
    {"walltime_h", DECK_REAL, offsetof(run_config, walltime_h), "0", 0, 1e5, NULL, "h",
     "stop with a checkpoint before this job has run so long; 0: the end time that Slurm names, if any", true},
    {"title", DECK_TEXT, offsetof(run_config, title), "~", 0, 0, NULL, "", "a line about this run, kept in run.h5",
     true},
    {0}};

enum { MOST_APPS = 64 };

const app *run_find_app(const app *const *apps, const char *name, const char *where, err *e) {
  const char *names[MOST_APPS];
  int n = 0;
  for (; apps[n] && n < MOST_APPS; n++) {
    if (!strcmp(apps[n]->name, name)) return apps[n];
    names[n] = apps[n]->name;
  }
  const char *near = deck_suggest(name, names, n);
  if (near)
    err_set(e, ERR_DECK, "%s: there is no such app (did you mean %s?)", where, near);
  else
    err_set(e, ERR_DECK, "%s: there is no such app (`spinet apps` lists them)", where);
  return NULL;
}

deck_section *run_full_schema(const app *a, err *e) {
  int n = 0;
  while (a->schema && a->schema[n].name) n++;
  deck_section *s = calloc((size_t)n + 2, sizeof *s);
  if (!s) {
    err_set(e, ERR_RUN, "out of memory");
    return NULL;
  }
  if (n) memcpy(s, a->schema, (size_t)n * sizeof *s);
  s[n] = (deck_section){.name = "run", .help = "the run itself", .keys = run_keys};
  return s;
}

int run_input_read(run_input *in, const run_options *o, err *e) {
  if (!o->text) return file_read(o->deck_path, &in->text, &in->bytes, ERR_DECK, e);
  if (!(in->text = calloc(o->bytes + 1, 1))) return err_set(e, ERR_RUN, "out of memory");
  memcpy(in->text, o->text, in->bytes = o->bytes);
  return 0;
}

int run_input_parse(run_input *in, const run_options *o, const app *const *apps, err *e) {
  char word[64], where[1200];
  if (deck_app(word, o->deck_path, in->text, in->bytes, e)) return e->code;
  snprintf(where, sizeof where, "%s: app = %s", o->deck_path, word);
  if (!(in->app = run_find_app(apps, word, where, e))) return e->code;
  if (!(in->schema = run_full_schema(in->app, e))) return e->code;
  const deck_point *point = o->point ? &o->point->at : NULL;
  if (deck_parse_point(&in->deck, o->deck_path, in->text, in->bytes, o->overrides, o->noverrides, point, in->schema, e))
    return e->code;
  return in->app->check && !in->deck_only ? in->app->check(in->deck, e) : 0;
}

void run_input_free(run_input *in) {
  if (in->deck) deck_free(in->deck);
  free(in->schema), free(in->text);
  memset(in, 0, sizeof *in);
}

int run_check(const run_options *o, const app *const *apps, const app **a, err *e) {
  run_input in = {0};
  if (!run_input_read(&in, o, e)) run_input_parse(&in, o, apps, e);
  *a = in.app;
  run_input_free(&in);
  return e->code;
}

int run_template(const app *a, FILE *f, err *e) {
  deck_section *schema = run_full_schema(a, e);
  if (schema) deck_template(a->name, schema, f);
  free(schema);
  return e->code;
}
