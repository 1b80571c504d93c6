/* run_collect.c: reading many runs: which they are, what their decks differ in, rows of one result; see collect.h. */
#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/collect_priv.h"
#include "base/file.h"
#include "base/run_past.h"

static bool is_folder(const char *path) {
  struct stat s;
  return !stat(path, &s) && S_ISDIR(s.st_mode);
}

void collect_note(collection *c, const char *fmt, ...) {
  char *text = NULL, **more = realloc(c->note, (size_t)(c->notes + 1) * sizeof *more);
  va_list ap;
  if (!more) return;
  c->note = more;
  va_start(ap, fmt);
  if (vasprintf(&text, fmt, ap) >= 0) more[c->notes++] = text;
  va_end(ap);
}

/* ---- which runs ---- */

static collect_run *add_run(collection *c, const char *path, const char *status, const char *reason) {
  collect_run *more = realloc(c->run, (size_t)(c->runs + 1) * sizeof *more);
  if (!more) return NULL;
  c->run = more;
  collect_run *r = &more[c->runs++];
  *r = (collect_run){.path = strdup(path), .status = strdup(status), .reason = strdup(reason), .seeds = 1};
  return r;
}

/* "section:\n  key: value\n    more of it\n": the format of deck_echo. */
static void read_keys(collect_run *r, const char *used) {
  char section[64] = "";
  for (const char *s = used; *s;) {
    size_t n = strcspn(s, "\n"), name = strcspn(s, ":");
    if (*s != ' ') {
      snprintf(section, sizeof section, "%.*s", (int)name, s);
    } else if (strncmp(s, "    ", 4)) {
      collect_key *more = realloc(r->key, (size_t)(r->keys + 1) * sizeof *more), k = {0};
      const char *end = s + n;
      if (!more) return;
      r->key = more;
      while (!strncmp(end, "\n    ", 5)) end += 5, end += strcspn(end, "\n");
      if (asprintf(&k.name, "%s.%.*s", section, (int)name - 2, s + 2) < 0) return;
      k.text = strndup(s + name + 2, (size_t)(end - (s + name + 2)));
      more[r->keys++] = k;
    }
    s += n + (s[n] == '\n');
  }
}

static void take_text(h5 *f, const char *name, char **to) {
  err none = {0};
  char *text = NULL;
  if (!h5_has_attr(f, "/run", name) || h5_read_attr_text(f, "/run", name, &text, &none)) return;
  free(*to);
  *to = text;
}

static void read_run(collect_run *r, const char *file) {
  h5 *f;
  err e = {0};
  char *used = NULL;
  if (!h5_open(&f, file, &e)) {
    if (!h5_has_attr(f, "/run", "format")) err_set(&e, ERR_FILE, "%s was not written by spinet run", file);
    if (!e.code) run_results_read(&r->results, f, &e);
    take_text(f, "status", &r->status), take_text(f, "reason", &r->reason), take_text(f, "app", &r->app);
    take_text(f, "used_deck", &used);
    if (used) read_keys(r, used);
    h5_close(f);
  }
  free(used);
  if (!e.code) return;
  free(r->status), free(r->reason);
  r->status = strdup("unreadable"), r->reason = strdup(e.text);
}

/* A folder that should hold a run.h5, or the file itself. */
static int add_one(collection *c, const char *path, const char *what, err *e) {
  char file[PATH_MAX];
  run_past_file(path, file);
  bool there = file_exists(file);
  collect_run *r = add_run(c, path, there ? "unreadable" : "missing", there ? "" : what);
  if (!r) return err_set(e, ERR_RUN, "collect: out of memory");
  if (there) read_run(r, file);
  return 0;
}

static int is_point(const struct dirent *d) {
  return !strncmp(d->d_name, "point-", 6);
}

/* Points that points.txt names, and have no folder: "7  1a2b3c4d  0.44". */
static int add_missing(collection *c, const char *dir, struct dirent **list, int n, err *e) {
  char path[PATH_MAX], *text = NULL, *rest = NULL, hash[16];
  size_t bytes;
  long number;
  int at;
  snprintf(path, sizeof path, "%.4000s/points.txt", dir);
  if (!file_exists(path)) return 0;
  if (file_read(path, &text, &bytes, ERR_FILE, e)) return e->code;
  for (char *s = strtok_r(text, "\n", &rest); s && !e->code; s = strtok_r(NULL, "\n", &rest)) {
    if (sscanf(s, " %ld %8[0-9a-f] %n", &number, hash, &at) != 2 || strlen(hash) != 8) continue;
    bool there = false;
    for (int k = 0; k < n && !there; k++) {
      const char *name = list[k]->d_name, *last = strrchr(name, '-');
      there = !strcmp(last + 1, hash) && strtol(name + 6, NULL, 10) == number;
    }
    if (there) continue;
    snprintf(path, sizeof path, "%.4000s/point-%03ld-%s", dir, number, hash);
    if (!add_run(c, path, "missing", s + at)) err_set(e, ERR_RUN, "collect: out of memory");
  }
  free(text);
  return e->code;
}

static int add_folder(collection *c, const char *dir, err *e) {
  struct dirent **list = NULL;
  char path[PATH_MAX];
  int n = scandir(dir, &list, is_point, alphasort);
  snprintf(path, sizeof path, "%.4000s/points.txt", dir);
  if (n <= 0 && !file_exists(path)) add_one(c, dir, "there is no run.h5", e);
  for (int k = 0; k < n && !e->code; k++) {
    snprintf(path, sizeof path, "%.3800s/%.200s", dir, list[k]->d_name);
    add_one(c, path, "there is no run.h5", e);
  }
  if (!e->code) add_missing(c, dir, list, n > 0 ? n : 0, e);
  for (int k = 0; k < n; k++) free(list[k]);
  free(list);
  return e->code;
}

static int add_word(collection *c, const char *word, err *e) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%.4000s", word);
  for (size_t n = strlen(path); n > 1 && path[n - 1] == '/';) path[--n] = 0;
  if (is_folder(path)) return add_folder(c, path, e);
  return file_exists(path) ? add_one(c, path, "", e) : err_set(e, ERR_FILE, "cannot read %s: no such run", path);
}

/* ---- keys ---- */

const char *collect_value(const collect_run *r, const char *key) {
  for (int k = 0; k < r->keys; k++)
    if (!strcmp(r->key[k].name, key)) return r->key[k].text;
  return "-";
}

static bool told_apart_by(const collection *c, const char *key) {
  const char *first = NULL;
  if (!strncmp(key, "run.", 4) || !strcmp(key, "net.from")) return false;
  for (int i = 0; i < c->runs; i++) {
    if (!c->run[i].keys) continue;
    const char *v = collect_value(&c->run[i], key);
    if (first && strcmp(first, v)) return true;
    first = v;
  }
  return false;
}

static void add_key(collection *c, const char *key) {
  for (int k = 0; k < c->keys; k++)
    if (!strcmp(c->key[k], key)) return;
  char **more = realloc(c->key, (size_t)(c->keys + 1) * sizeof *more);
  if (!more) return;
  c->key = more;
  more[c->keys] = strdup(key);
  if (more[c->keys]) c->keys++;
}

static int check_x(const collection *c, const char *x, err *e) {
  const char *names[512];
  int n = 0;
  for (int i = 0; i < c->runs; i++) {
    if (strcmp(collect_value(&c->run[i], x), "-")) return 0;
    for (int k = 0; k < c->run[i].keys && n < 512; k++) names[n++] = c->run[i].key[k].name;
  }
  const char *near = deck_suggest(x, names, n);
  return err_set(e, ERR_DECK, "--x %s: no run has such a key%s%s%s", x, near ? " (did you mean " : "", near ? near : "",
                 near ? "?)" : "");
}

static int compare_texts(const char *a, const char *b) {
  char *end_a, *end_b;
  double x = strtod(a, &end_a), y = strtod(b, &end_b);
  if (!*end_a && !*end_b && end_a > a && end_b > b) return (x > y) - (x < y);
  return strcmp(a, b);
}

static int compare_runs(const void *a, const void *b, void *p) {
  const collection *c = p;
  const collect_run *r = a, *s = b;
  if (!r->keys != !s->keys) return !r->keys - !s->keys;
  for (int k = 0; k < c->keys; k++) {
    int order = compare_texts(collect_value(r, c->key[k]), collect_value(s, c->key[k]));
    if (order) return order;
  }
  return strcmp(r->path, s->path);
}

/* Does the section of the key have different kinds, and does the key tell apart no runs that are equal in the keys
 * found so far? */
static bool idle(collection *c, const char *key) {
  char kind[80];
  bool kinds = false;
  snprintf(kind, sizeof kind, "%.*s.kind", (int)strcspn(key, "."), key);
  for (int k = 0; k < c->keys; k++) kinds |= !strcmp(c->key[k], kind);
  if (!kinds) return false;
  qsort_r(c->run, (size_t)c->runs, sizeof *c->run, compare_runs, c); /* equal ones become neighbours */
  for (int i = 1; i < c->runs; i++) {
    const collect_run *r = &c->run[i - 1], *s = &c->run[i];
    bool same = r->keys && s->keys;
    for (int k = 0; k < c->keys && same; k++) same = !strcmp(collect_value(r, c->key[k]), collect_value(s, c->key[k]));
    if (same && strcmp(collect_value(r, key), collect_value(s, key))) return false;
  }
  return true;
}

/* The names of all keys of all runs, once each; the caller frees. */
static const char **all_keys(const collection *c, int *n, err *e) {
  const char **names = NULL;
  *n = 0;
  for (int i = 0; i < c->runs; i++) {
    const collect_run *r = &c->run[i];
    const char **more = realloc(names, (size_t)(*n + r->keys + 1) * sizeof *more);
    if (!more) {
      err_set(e, ERR_RUN, "collect: out of memory");
      break;
    }
    names = more;
    for (int k = 0; k < r->keys; k++) {
      int at = 0;
      while (at < *n && strcmp(names[at], r->key[k].name)) at++;
      if (at == *n) names[(*n)++] = r->key[k].name;
    }
  }
  return names;
}

static int find_keys(collection *c, const char *x, err *e) {
  int n;
  if (x && check_x(c, x, e)) return e->code;
  if (x) add_key(c, x);
  const char **names = all_keys(c, &n, e);
  for (int k = 0; k < n && !e->code; k++)
    if (told_apart_by(c, names[k]) && !idle(c, names[k]) && !(c->over && !strcmp(c->over, names[k])))
      add_key(c, names[k]);
  free(names);
  return e->code;
}

const char *collect_unit(const collection *c, const collect_options *o, const char *key) {
  const char *name = NULL, *dot = strchr(key, '.');
  for (int i = 0; i < c->runs && !name; i++) name = c->run[i].app;
  for (int i = 0; name && dot && o->apps[i]; i++) {
    if (strcmp(o->apps[i]->name, name)) continue;
    const char *unit = deck_unit(o->apps[i]->schema, key);
    return unit && *unit ? unit : "1";
  }
  return "1";
}

/* ---- opening ---- */

int collect_open(collection *c, const collect_options *o, err *e) {
  memset(c, 0, sizeof *c);
  c->over = o->over;
  for (int i = 0; i < o->runs; i++)
    if (add_word(c, o->run[i], e)) return e->code;
  if (find_keys(c, o->x, e)) return e->code;
  qsort_r(c->run, (size_t)c->runs, sizeof *c->run, compare_runs, c);
  for (int i = 0; i < c->runs; i++) {
    const collect_run *r = &c->run[i];
    if (strcmp(r->status, "done"))
      collect_note(c, "%s: %s%s%.*s", r->path, r->status, *r->reason ? ": " : "", (int)strcspn(r->reason, "\n"),
                   r->reason);
  }
  return o->pool || o->over ? collect_pool(c, e) : 0;
}

void collect_run_free(collect_run *r) {
  for (int k = 0; k < r->keys; k++) free(r->key[k].name), free(r->key[k].text);
  for (int k = 0; r->array_fit && k < r->results.arrays; k++) free(r->array_fit[k]);
  free(r->key), free(r->path), free(r->status), free(r->reason), free(r->app), free(r->fit), free(r->array_fit);
  run_results_free(&r->results);
}

void collect_close(collection *c) {
  for (int i = 0; i < c->runs; i++) collect_run_free(&c->run[i]);
  for (int i = 0; i < c->notes; i++) free(c->note[i]);
  for (int i = 0; i < c->keys; i++) free(c->key[i]);
  free(c->run), free(c->key), free(c->note);
}

/* ---- results ---- */

static const run_value *find_value(const collect_run *r, const char *name) {
  for (int i = 0; i < r->results.values; i++)
    if (!strcmp(r->results.value[i].name, name)) return &r->results.value[i];
  return NULL;
}

static const run_array *find_array(const collect_run *r, const char *name) {
  for (int i = 0; i < r->results.arrays; i++)
    if (!strcmp(r->results.array[i].name, name)) return &r->results.array[i];
  return NULL;
}

/* Appends a name once, each with a 0 behind it. */
static void add_name(char **all, int *n, const char *name) {
  for (int i = 0; i < *n; i++)
    if (!strcmp(all[i], name)) return;
  all[(*n)++] = strdup(name);
}

static int unknown_result(const char *name, char *const *all, int n, err *e) {
  const char *near = deck_suggest(name, (const char *const *)all, n);
  char list[300] = "";
  for (int i = 0; i < n && strlen(list) < 200; i++)
    snprintf(list + strlen(list), sizeof list - strlen(list), "%s%.60s", i ? ", " : "", all[i]);
  if (near) return err_set(e, ERR_DECK, "--y %s: no run has such a result (did you mean %s?)", name, near);
  return err_set(e, ERR_DECK, "--y %s: no run has such a result (they have: %s)", name, n ? list : "none");
}

static void free_names(char **all) {
  for (int i = 0; all && all[i]; i++) free(all[i]);
  free(all);
}

char **collect_names(const collection *c, const collect_options *o, err *e) {
  size_t most = 2 + (o->y ? strlen(o->y) : 0);
  for (int i = 0; i < c->runs; i++) most += (size_t)(c->run[i].results.values + c->run[i].results.arrays);
  char **all = calloc(most, sizeof *all), **wanted = calloc(most, sizeof *wanted), *rest = NULL;
  char *y = strdup(o->y ? o->y : "");
  int n = 0, m = 0;
  for (int i = 0; all && i < c->runs; i++) {
    const run_results *s = &c->run[i].results;
    for (int k = 0; k < s->values; k++) add_name(all, &n, s->value[k].name);
    for (int k = 0; k < s->arrays; k++) add_name(all, &n, s->array[k].name);
  }
  if (!all || !wanted || !y) err_set(e, ERR_RUN, "collect: out of memory");
  for (char *s = e->code ? NULL : strtok_r(y, ",", &rest); s; s = strtok_r(NULL, ",", &rest)) {
    int k = 0;
    while (k < n && strcmp(all[k], s)) k++;
    if (k == n && unknown_result(s, all, n, e)) break;
    add_name(wanted, &m, s);
  }
  free(y);
  free_names(o->y ? all : wanted);
  if (!e->code) return o->y ? wanted : all;
  free_names(o->y ? wanted : all);
  return NULL;
}

/* Keeps of the description what the next run's has too, whole clauses. */
static void describe(collect_table *t, const char *text) {
  size_t n = 0;
  if (!*t->description) snprintf(t->description, sizeof t->description, "%s", text);
  while (t->description[n] && t->description[n] == text[n]) n++;
  if (!t->description[n] && (!text[n] || n + 1 == sizeof t->description)) return;
  while (n && t->description[n] != ';') n--;
  if (n) t->description[n] = 0;
}

static void add_row(collect_table *t, collect_row row, err *e) {
  collect_row *more = realloc(t->row, (size_t)(t->rows + 1) * sizeof *more);
  if (!more) {
    err_set(e, ERR_RUN, "collect: out of memory");
    return;
  }
  t->row = more;
  more[t->rows++] = row;
}

static void add_array_rows(collect_table *t, const run_array *a, const collect_fit *fit, int number, err *e) {
  size_t n = 1;
  t->axes = a->rank, t->unit = a->unit;
  describe(t, a->description);
  for (int k = 0; k < a->rank; k++) n *= a->dims[k], t->axis[k] = a->axis[k], t->axis_unit[k] = a->axis_unit[k];
  for (size_t i = 0; i < n && !e->code; i++) {
    collect_row row = {.run = number, .value = a->value[i], .exact_error = NAN};
    size_t rest = i;
    for (int k = a->rank - 1; k >= 0; k--) {
      size_t at = rest % a->dims[k];
      rest /= a->dims[k];
      row.axis[k] = a->axis_values[k] ? a->axis_values[k][at] : (double)at;
    }
    if (fit) row.fit = fit[i];
    row.error = a->error ? a->error[i] : NAN, row.exact = a->exact ? a->exact[i] : NAN;
    add_row(t, row, e);
  }
}

int collect_rows(collect_table *t, const collection *c, const char *name, err *e) {
  *t = (collect_table){.name = name, .unit = "1"};
  for (int i = 0; i < c->runs && !e->code; i++) {
    const collect_run *r = &c->run[i];
    const run_value *v = find_value(r, name);
    const run_array *a = find_array(r, name);
    collect_row row = {i, {NAN, NAN, NAN, NAN}, NAN, NAN, NAN, NAN, {0, 0}};
    if (a) {
      add_array_rows(t, a, r->array_fit ? r->array_fit[a - r->results.array] : NULL, i, e);
      continue;
    }
    if (v) {
      t->unit = v->unit;
      describe(t, v->description);
      if (r->fit) row.fit = r->fit[v - r->results.value];
      row.value = v->value, row.error = v->error, row.exact = v->exact, row.exact_error = v->exact_error;
    }
    if (r->keys) add_row(t, row, e); /* runs without a deck are told in the notes */
  }
  return e->code;
}
