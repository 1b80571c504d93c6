/* run_sweep.c: a sweep as a list of runs: points, seeds, names, folders, checks; see sweep.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/deck_priv.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/run_priv.h"
#include "base/sweep.h"
#include "base/table.h"

enum { MOST_FAULTS = 20, LINE = 2048 };

struct sweep {
  deck *d; /* tree and axes only */
  run_options o;
  const app *const *apps;
  char *text; /* owned if read here */
  size_t bytes;
  uint32_t *seed; /* of each point */
};

/* ---- texts ---- */

static void print_value(const sweep *s, int axis, long k, FILE *f) {
  deck_sweep_value(&s->d->sweep, axis, deck_sweep_index(&s->d->sweep, axis, k), f);
}

static void print_label(const sweep *s, long k, char *text, size_t n) {
  FILE *f = fmemopen(text, n, "w");
  *text = 0;
  if (!f) return;
  for (int j = 0; j < s->d->sweep.axes; j++) {
    fprintf(f, "%s%s = ", j ? ", " : "", s->d->sweep.axis[j].name);
    print_value(s, j, k, f);
  }
  fclose(f);
  text[n - 1] = 0;
  for (; *text; text++)
    if (iscntrl((unsigned char)*text) || *text == '|') *text = ' ';
}

/* ---- seeds ---- */

static uint64_t deck_seed(const sweep *s) {
  const deck_node *section = deck_find(s->d->root, "run"), *n = section ? deck_find(section, "seed") : NULL;
  return n && n->text ? strtoull(n->text, NULL, 10) : 1; /* what is no number will be reported by the check */
}

/* Puts the seed into a hash table with open addressing; false if it is there. 0 marks a free place. */
static bool claim_seed(uint32_t *taken, size_t size, uint32_t seed) {
  size_t at = seed % size;
  for (; taken[at]; at = (at + 1) % size)
    if (taken[at] == seed) return false;
  taken[at] = seed;
  return true;
}

static int make_seeds(sweep *s, err *e) {
  long n = s->d->sweep.points;
  size_t size = 2 * (size_t)n + 3;
  uint32_t *taken = calloc(size, sizeof *taken);
  s->seed = calloc((size_t)n + 1, sizeof *s->seed);
  if (!taken || !s->seed) err_set(e, ERR_RUN, "sweep: out of memory");
  for (long k = 0; k < n && !e->code; k++) {
    char label[LINE];
    print_label(s, k, label, sizeof label);
    uint64_t key[3] = {deck_seed(s), hash64(label, strlen(label)), 0};
    do {
      s->seed[k] = (uint32_t)hash64(key, sizeof key);
      key[2]++;
    } while (!s->seed[k] || !claim_seed(taken, size, s->seed[k]));
  }
  free(taken);
  return e->code;
}

/* ---- opening ---- */

static int read_sweep(sweep *s, err *e) {
  if (!(s->d = deck_read(s->o.deck_path, s->o.text, s->o.bytes, s->o.overrides, s->o.noverrides)))
    return err_set(e, ERR_RUN, "%s: not enough memory to read this deck", s->o.deck_path);
  if (!s->d->sweep.node) return 0; /* whoever reads it as a plain deck reports all its faults at once */
  if (deck_report(s->d, e)) return e->code;
  deck_locale l = deck_locale_enter();
  int code = make_seeds(s, e);
  deck_locale_leave(l);
  return code;
}

int sweep_open(sweep **out, const run_options *o, const app *const *apps, const char *text, size_t n, err *e) {
  sweep *s = *out = calloc(1, sizeof *s);
  if (!s) return err_set(e, ERR_RUN, "sweep: out of memory");
  s->o = *o, s->apps = apps, s->o.text = text, s->o.bytes = n;
  if (!text && !file_read(o->deck_path, &s->text, &s->bytes, ERR_DECK, e)) s->o.text = s->text, s->o.bytes = s->bytes;
  if (!e->code && !read_sweep(s, e)) return 0;
  sweep_free(s);
  *out = NULL;
  return e->code;
}

int sweep_open_all(sweep **out, const comm *c, const run_options *o, const app *const *apps, err *e) {
  char *text = NULL;
  size_t n = 0;
  *out = NULL;
  if (!c->rank) file_read(o->deck_path, &text, &n, ERR_DECK, e);
  if (comm_vote(c, e)) return e->code;
  comm_bcast(c, &n, sizeof n);
  if (c->rank && !(text = calloc(n + 1, 1))) err_set(e, ERR_RUN, "sweep: out of memory");
  if (!comm_vote(c, e)) {
    comm_bcast(c, text, n);
    if (!sweep_open(out, o, apps, text, n, e)) (*out)->text = text, text = NULL;
  }
  free(text);
  if (comm_vote(c, e)) sweep_free(*out), *out = NULL;
  return e->code;
}

void sweep_free(sweep *s) {
  if (!s) return;
  deck_free(s->d);
  free(s->seed), free(s->text), free(s);
}

const run_options *sweep_options(const sweep *s) {
  return &s->o;
}

const app *const *sweep_apps(const sweep *s) {
  return s->apps;
}

long sweep_points(const sweep *s) {
  return s->d->sweep.points;
}

long sweep_chain(const sweep *s) {
  const deck_sweep *t = &s->d->sweep;
  return t->warm_start && t->axes ? t->axis[t->axes - 1].n : 1;
}

/* ---- one point ---- */

static void fill(const sweep *s, long k, sweep_point *p) {
  deck_locale l = deck_locale_enter();
  memset(p, 0, sizeof *p);
  print_label(s, k, p->label, sizeof p->label);
  deck_locale_leave(l);
  snprintf(p->seed, sizeof p->seed, "run.seed=%lu", (unsigned long)s->seed[k]);
  p->set[0] = p->seed;
  p->at = (deck_point){k, p->set, 1};
}

/* Parse and check a point; the caller frees *in either way. */
static int parse(const sweep *s, const sweep_point *p, run_input *in, bool deck_only, err *e) {
  run_options o = s->o;
  o.point = p;
  *in = (run_input){.deck_only = deck_only};
  return run_input_read(in, &o, e) || run_input_parse(in, &o, s->apps, e) ? e->code : 0;
}

/* The used deck without (or with) its free keys; the caller frees. */
static char *echo(const run_input *in, bool free_keys, const char *without, size_t *n) {
  char *text = NULL;
  FILE *f = open_memstream(&text, n);
  if (!f) return NULL;
  deck_echo_some(in->deck, in->app->name, free_keys, without, f);
  fclose(f);
  return text;
}

static void name(const sweep *s, const run_input *in, sweep_point *p, err *e) {
  size_t n = 0;
  char *text = echo(in, false, NULL, &n), last[24];
  int digits = snprintf(last, sizeof last, "%ld", sweep_points(s) - 1);
  if (!text) {
    err_set(e, ERR_RUN, "sweep: out of memory");
    return;
  }
  snprintf(p->name, sizeof p->name, "point-%0*ld-%08x", digits < 3 ? 3 : digits, p->at.number,
           (unsigned)hash64(text, n));
  free(text);
}

int sweep_at(const sweep *s, long k, sweep_point *p, err *e) {
  run_input in;
  fill(s, k, p);
  if (!parse(s, p, &in, true, e)) name(s, &in, p, e);
  run_input_free(&in);
  return e->code;
}

void sweep_start_from(sweep_point *p, const char *run_h5) {
  snprintf(p->from, sizeof p->from, "net.from=%s", run_h5);
  p->set[1] = p->from;
  p->at.nset = *run_h5 ? 2 : 1;
  if (!*run_h5) p->from[0] = 0;
}

int sweep_check_point(const sweep *s, const sweep_point *p, err *e) {
  run_input in;
  parse(s, p, &in, false, e);
  run_input_free(&in);
  return e->code;
}

char *sweep_asked(const sweep *s, const sweep_point *p, err *e) {
  run_input in;
  size_t n;
  char *text = parse(s, p, &in, true, e) ? NULL : echo(&in, true, "run", &n);
  run_input_free(&in);
  return text;
}

/* ---- checking all ---- */

typedef struct fault {
  char *text;
  long first, points;
} fault;

typedef struct faults {
  fault f[MOST_FAULTS];
  int n, code;
} faults;

static void add_faults(faults *all, const err *e, long k) {
  for (const char *s = e->text; *s;) {
    size_t m = strcspn(s, "\n");
    int i = 0;
    while (i < all->n && (strncmp(all->f[i].text, s, m) || all->f[i].text[m])) i++;
    if (i < MOST_FAULTS && i == all->n) {
      if (!(all->f[i].text = strndup(s, m))) return;
      all->f[i].first = k, all->f[i].points = 0, all->n++;
    }
    if (i < all->n) all->f[i].points++;
    s += m + (s[m] == '\n');
  }
  if (!all->code) all->code = e->code;
}

static void tell(const sweep *s, const faults *all, long checked, err *e) {
  for (int i = 0; i < all->n; i++) {
    const fault *f = &all->f[i];
    char label[300], which[400] = "";
    print_label(s, f->first, label, sizeof label);
    int m = f->points == checked && checked > 1 ? 0 : snprintf(which, sizeof which, " (point %ld: %s", f->first, label);
    if (m && f->points > 1)
      snprintf(which + m, sizeof which - (size_t)m, "; and %ld more)", f->points - 1);
    else if (m)
      snprintf(which + m, sizeof which - (size_t)m, ")");
    err_line(e, all->code, "%s%s", f->text, which);
  }
}

/* warm_start needs a network that can be read: the key net.from. */
static int check_warm(const sweep *s, err *e) {
  char word[64], place[256];
  const deck_sweep *t = &s->d->sweep;
  if (!t->warm_start || deck_app(word, s->o.deck_path, s->o.text, s->o.bytes, e)) return e->code;
  const app *a = run_find_app(s->apps, word, s->o.deck_path, e);
  for (const deck_section *k = a ? a->schema : NULL; k && k->name; k++)
    if (!strcmp(k->name, "net") && deck_key_find(k->keys, "from")) return 0;
  if (!a) return e->code;
  deck_place(s->d, place, sizeof place, t->node->origin, t->node->line);
  return err_set(e, ERR_DECK, "%s: sweep.warm_start: app %s has no key net.from", place, word);
}

int sweep_check(const sweep *s, long first, long stride, err *e) {
  faults *all = calloc(1, sizeof *all);
  err *one = calloc(1, sizeof *one);
  sweep_point *p = calloc(1, sizeof *p);
  long checked = 0;
  if (!all || !one || !p) err_set(e, ERR_RUN, "sweep: out of memory");
  if (!e->code) check_warm(s, e);
  for (long k = first; k < sweep_points(s) && !e->code && all->n < MOST_FAULTS; k += stride, checked++) {
    run_input in;
    one->code = 0, one->text[0] = 0;
    fill(s, k, p);
    if (parse(s, p, &in, false, one)) add_faults(all, one, k);
    run_input_free(&in);
  }
  if (all && all->n) tell(s, all, checked, e);
  for (int i = 0; all && i < all->n; i++) free(all->f[i].text);
  free(all), free(one), free(p);
  return e->code;
}

/* ---- the table ---- */

int sweep_print(const sweep *s, FILE *f, err *e) {
  const deck_sweep *t = &s->d->sweep;
  table *rows = table_new();
  sweep_point *p = calloc(1, sizeof *p);
  char *line = NULL;
  size_t n;
  for (int j = 0; j <= t->axes && j < 31; j++) table_left(rows, j + 1);
  for (long k = -1; p && k < t->points && !e->code; k++) {
    FILE *m = open_memstream(&line, &n);
    if (!m || (k >= 0 && sweep_at(s, k, p, e))) {
      if (m) fclose(m), free(line);
      break;
    }
    deck_locale l = deck_locale_enter();
    for (int j = 0; j < t->axes; j++) {
      fputc('|', m);
      k < 0 ? (void)fputs(t->axis[j].name, m) : print_value(s, j, k, m);
    }
    deck_locale_leave(l);
    fclose(m);
    if (k < 0)
      table_row(rows, "point|hash%s", line);
    else
      table_row(rows, "%ld|%s%s", k, strrchr(p->name, '-') + 1, line);
    free(line);
  }
  if (!e->code) {
    fprintf(f, "%ld point%s\n", t->points, t->points == 1 ? "" : "s, the last key varies fastest");
    table_print(rows, f);
  }
  table_free(rows), free(p);
  return e->code;
}

int sweep_folder(const sweep *s, const char *dir, err *e) {
  char path[PATH_MAX], mine[PATH_MAX], host[128] = "", *text = NULL, *old = NULL;
  size_t n = 0, m = 0;
  err none = {0};
  if (strlen(dir) + 200 > PATH_MAX) return err_set(e, ERR_FILE, "the name of the output folder is too long");
  snprintf(path, sizeof path, "%.3800s/points.txt", dir);
  FILE *f = open_memstream(&text, &n);
  if (!f) return err_set(e, ERR_RUN, "sweep: out of memory");
  sweep_print(s, f, e);
  fclose(f);
  if (!e->code) file_folder(dir, NULL, e);
  bool same = file_exists(path) && !file_read(path, &old, &m, ERR_FILE, &none) && m == n && !memcmp(old, text, n);
  if (!e->code && !same) { /* tasks of a job array may meet here: each renames a file of its own */
    gethostname(host, sizeof host - 1);
    snprintf(mine, sizeof mine, "%.3800s/.points-%s-%ld", dir, host, (long)getpid());
    if (!file_write(mine, text, n, false, e) && rename(mine, path)) err_set(e, ERR_FILE, "cannot write %s", path);
  }
  free(text), free(old);
  return e->code;
}
