/* run_checkpoint.c: OUT/checkpoint.h5, written and read by rank 0 through one HDF5 image.
 *
 * The file: 512 bytes of head, then an HDF5 file (stock tools find it behind the head, as behind any user block). The
 * head names format, number of bytes and hash of what follows, so that a foreign, truncated or damaged file is found
 * out before the HDF5 library sees a byte of it:
 *   spinet checkpoint 1 \n bytes N \n hash H
 * The HDF5 file: attributes of / (app, precision, version, wall time used ...), /deck (all keys: i or f for identity or
 * free, name, value, between tabs), /state/<object> in global order with its type, shape, hash and the length of its
 * rows: zeros that all rows end in (room for work that was never done) are not stored.
 *
 * The file of before stays as checkpoint-prev.h5. Objects may have grown since (train.steps, estimate.draws ...): each
 * row takes what was saved and keeps the rest as it was; what an object has no room for must never have been used (zero
 * bytes). */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/run_priv.h"
#include "base/version.h"

enum { HEAD = 512, FORMAT = 1, CHANGES = 4000 };
static const char magic[] = "spinet checkpoint ";
static const char *const type_name[] = {"f64", "f32", "i64", "i32", "i8", "u8"};
static const char *const shape_name[] = {"replicated", "rows", "rank 0"};

struct run_saved { /* rank 0: a checkpoint being read */
  h5 *f;
  char *path, *deck;
  char **name; /* objects that nobody has asked for yet */
  int names;
  char log[CHANGES]; /* lines for the log */
};

static void make_head(char head[HEAD], const void *image, size_t n) {
  memset(head, 0, HEAD);
  snprintf(head, HEAD, "%s%d\nbytes %zu\nhash %016llx\n", magic, FORMAT, n, (unsigned long long)hash64(image, n));
}

/* ---- writing ---- */

static int print_key(void *f, const char *name, const char *value, bool may_change, err *e) {
  fprintf(f, "%c\t%s\t%s\n", may_change ? 'f' : 'i', name, value);
  return 0;
}

static int put_deck(const run *r, h5 *f, err *e) {
  char *text = NULL;
  size_t n;
  FILE *out = open_memstream(&text, &n);
  if (!out) return err_set(e, ERR_RUN, "out of memory");
  deck_each(r->in.deck, print_key, out, e);
  fclose(out);
  if (!e->code) h5_write_text(f, "/deck", text, "i (identity) or f (free), key, value", e);
  free(text);
  return e->code;
}

static int put_head(run *r, h5 *f, err *e) {
  char now[32];
  run_date(now);
  const char *const texts[][2] = {
      {"app", r->in.app->name},         {"precision", r->o.precision},    {"version", version_number()},
      {"revision", version_revision()}, {"compiler", version_compiler()}, {"build", version_build()},
      {"cpu", r->machine.cpu},          {"blas", r->machine.blas},        {"written", now}};
  for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
    if (h5_attr_text(f, "/", texts[k][0], texts[k][1], e)) return e->code;
  return h5_attr_f64(f, "/", "wall_s", run_wall(r), e) || h5_attr_i64(f, "/", "restarts", r->restarts, e) ||
                 h5_attr_i64(f, "/", "log_bytes", r->log.file ? ftell(r->log.file) : 0, e)
             ? e->code
             : put_deck(r, f, e);
}

/* Rows of `length` bytes lose the zeros that all of them end in; returns what is left of the length, in whole elements,
 * one at least. */
static size_t cut_rows(char *all, size_t rows, size_t length, size_t size) {
  size_t used = length ? size : 0;
  for (size_t k = 0; k < rows; k++) {
    size_t last = length;
    while (last > used && !all[k * length + last - 1]) last--;
    if (last > used) used = (last + size - 1) / size * size;
  }
  for (size_t k = 1; k < rows && used < length; k++) memmove(all + k * used, all + k * length, used);
  return used;
}

static int put_item(h5 *f, const run_item *i, char *all, err *e) {
  char path[200];
  run_shape shape = run_item_shape(i);
  size_t rows = shape == RUN_ROWS ? i->rows : 1, length = shape == RUN_ROWS ? i->row : i->count;
  size_t size = run_item_size(i), used = cut_rows(all, rows, length * size, size), dims[2] = {rows, used / size};
  bool table = shape == RUN_ROWS;
  snprintf(path, sizeof path, "/state/%s", i->name);
  if (h5_write(f, path, i->type, table ? 2 : 1, dims + !table, all, "1", "state of the run", e) ||
      h5_attr_text(f, path, "type", type_name[i->type], e) || h5_attr_text(f, path, "shape", shape_name[shape], e) ||
      h5_attr_i64(f, path, "length", (long long)length, e))
    return e->code;
  return h5_attr_i64(f, path, "hash", (long long)hash64(all, rows * used), e);
}

/* f: NULL but on rank 0. */
static int collect_items(run *r, h5 *f, err *e) {
  for (int k = 0; k < r->items; k++) {
    const run_item *i = &r->item[k];
    char *all = f ? malloc(run_item_total(i) * run_item_size(i) + 1) : NULL;
    if (f && !all) err_set(e, ERR_RUN, "checkpoint: out of memory for %s", i->name);
    if (!comm_vote(&r->c, e) && !run_item_gather(r, i, all, e) && f) put_item(f, i, all, e);
    free(all);
    if (comm_vote(&r->c, e)) return e->code;
  }
  return 0;
}

static int write_file(run *r, h5 *f, err *e) {
  char head[HEAD];
  void *image;
  size_t n;
  if (put_head(r, f, e) || h5_image(f, &image, &n, e)) return e->code;
  make_head(head, image, n);
  file_rotate(run_path(r, "checkpoint.h5"), run_path(r, "checkpoint-prev.h5"), head, HEAD, image, n, e);
  free(image);
  return e->code;
}

int run_saved_write(run *r, err *e) {
  h5 *f = NULL;
  if (run_items_agree(r, e)) return e->code;
  if (run_root(r)) h5_scratch(&f, e);
  if (!comm_vote(&r->c, e) && !collect_items(r, f, e) && f) write_file(r, f, e);
  h5_abandon(f);
  return comm_vote(&r->c, e);
}

/* ---- opening: rank 0 ---- */

static int verify(const char *path, const char *bytes, size_t n, err *e) {
  size_t should = 0, is = n > HEAD ? n - HEAD : 0;
  char head[HEAD];
  if (n < sizeof magic || memcmp(bytes, magic, sizeof magic - 1))
    return err_set(e, ERR_FILE, "%s is no checkpoint of Spinet", path);
  long format = strtol(bytes + sizeof magic - 1, NULL, 10);
  if (format != FORMAT)
    return err_set(e, ERR_FILE, "%s is a checkpoint of format %ld, this program reads format %d", path, format, FORMAT);
  const char *at = memchr(bytes, '\n', n < HEAD ? n : HEAD);
  if (!at || sscanf(at, "\nbytes %zu", &should) != 1 || is < should)
    return err_set(e, ERR_FILE, "%s is a truncated checkpoint: it ends after %zu bytes", path, n);
  make_head(head, bytes + HEAD, is);
  if (memcmp(head, bytes, HEAD)) return err_set(e, ERR_FILE, "%s is a damaged checkpoint: its checksum is wrong", path);
  return 0;
}

static int add_name(h5 *f, const char *name, void *ctx, err *e) {
  run_saved *s = ctx;
  char **more = realloc(s->name, ((size_t)s->names + 1) * sizeof *more);
  if (more) s->name = more;
  if (!more || !(more[s->names] = strdup(name))) return err_set(e, ERR_RUN, "out of memory");
  s->names++;
  return 0;
}

void run_saved_free(run_saved *s) {
  if (!s) return;
  for (int k = 0; k < s->names; k++) free(s->name[k]);
  h5_close(s->f);
  free(s->path), free(s->deck), free(s->name), free(s);
}

static run_saved *load(const char *path, err *e) {
  char *bytes;
  size_t n;
  run_saved *s = calloc(1, sizeof *s);
  if (!s || !(s->path = strdup(path))) {
    err_set(e, ERR_RUN, "out of memory");
  } else if (!file_read(path, &bytes, &n, ERR_FILE, e)) {
    if (!verify(path, bytes, n, e) && !h5_open_image(&s->f, path, bytes + HEAD, n - HEAD, e) &&
        !h5_read_text(s->f, "/deck", &s->deck, e) && h5_has(s->f, "/state"))
      h5_each(s->f, "/state", add_name, s, e);
    free(bytes);
  }
  if (!e->code) return s;
  run_saved_free(s);
  return NULL;
}

static void note(run_saved *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(run_saved *s, const char *fmt, ...) {
  va_list ap;
  size_t n = strlen(s->log);
  va_start(ap, fmt);
  vsnprintf(s->log + n, sizeof s->log - n, fmt, ap);
  va_end(ap);
}

/* The line of a key in s->deck: "i\tname\tvalue\n"; NULL if there is none. */
static char *line_of(run_saved *s, const char *name) {
  size_t n = strlen(name);
  for (char *p = s->deck; *p; p += strcspn(p, "\n") + 1) {
    if (!strncmp(p + 2, name, n) && p[2 + n] == '\t') return p;
    if (!strchr(p, '\n')) break;
  }
  return NULL;
}

static int compare_key(void *ctx, const char *name, const char *value, bool may_change, err *e) {
  run_saved *s = ctx;
  char *p = line_of(s, name), *was = p ? p + strlen(name) + 3 : "not there";
  int n = p ? (int)strcspn(was, "\n") : (int)strlen(was);
  if (p) *p = '='; /* seen */
  if (p && (int)strlen(value) == n && !strncmp(value, was, (size_t)n)) return 0;
  if (may_change)
    note(s, "changed since the checkpoint: %s: %.*s -> %.60s\n", name, n < 60 ? n : 60, was, value);
  else
    err_line(e, ERR_DECK, "%s = %.100s: the checkpoint %s was made with %.*s, and this key cannot change on restart",
             name, value, s->path, n < 100 ? n : 100, was);
  return 0;
}

static int compare_decks(run *r, run_saved *s, err *e) {
  if (deck_each(r->in.deck, compare_key, s, e)) return e->code;
  for (char *p = s->deck; *p; p += strcspn(p, "\n") + 1) {
    if (*p == 'i')
      err_line(e, ERR_DECK, "%.*s: the checkpoint %s was made with this key, the deck does not have it",
               (int)strcspn(p + 2, "\t\n"), p + 2, s->path);
    if (!strchr(p, '\n')) break;
  }
  return e->code;
}

static int wants_text(run_saved *s, const char *name, const char *want, const char *what, err *e) {
  char *is;
  if (h5_read_attr_text(s->f, "/", name, &is, e)) return e->code;
  if (strcmp(is, want ? want : ""))
    err_set(e, ERR_FILE, "%s is a checkpoint of %s %s, not %s", s->path, what, is, want);
  free(is);
  return e->code;
}

static void notice(run_saved *s, const char *name, const char *here) {
  char *is;
  err e = {0};
  if (h5_read_attr_text(s->f, "/", name, &is, &e)) return;
  if (strcmp(is, here))
    note(s, "warning: the checkpoint was written with %s %s, here it is %s: bits may differ\n", name, is, here);
  free(is);
}

static int match(run *r, run_saved *s, err *e) {
  long long restarts;
  if (wants_text(s, "app", r->in.app->name, "app", e) || wants_text(s, "precision", r->o.precision, "precision", e) ||
      compare_decks(r, s, e) || h5_read_attr_f64(s->f, "/", "wall_s", &r->earlier, e) ||
      h5_read_attr_i64(s->f, "/", "restarts", &restarts, e))
    return e->code;
  r->restarts = (long)restarts + 1;
  notice(s, "revision", version_revision()), notice(s, "cpu", r->machine.cpu), notice(s, "blas", r->machine.blas);
  return 0;
}

/* A folder whose run began but has saved nothing starts afresh; one that holds results that are done does not. */
static int begin_afresh(run *r, err *e) {
  h5 *f;
  char *status = NULL;
  const char *path = run_path(r, "run.h5");
  err unread = {0};
  if (!file_exists(path) || h5_open(&f, path, &unread)) return 0;
  h5_read_attr_text(f, "/run", "status", &status, &unread);
  h5_close(f);
  if (status && !strcmp(status, "done"))
    err_set(e, ERR_FILE, "%s holds results, but there is no checkpoint beside it to continue from", path);
  free(status);
  return e->code;
}

static run_saved *load_auto(run *r, err *e) {
  const char *path = run_path(r, "checkpoint.h5"), *older = run_path(r, "checkpoint-prev.h5");
  err damage = {0};
  run_saved *s = file_exists(path) ? load(path, &damage) : NULL;
  if (s || (!damage.code && !file_exists(older))) return s;
  if (file_exists(older)) s = load(older, e);
  if (s && damage.code) note(s, "warning: %s: going back to %s\n", damage.text, older);
  if (!s && damage.code) *e = damage;
  return s;
}

int run_saved_open(run *r, err *e) {
  bool automatic = !strcmp(r->o.restart, "auto");
  r->saved_state = automatic ? load_auto(r, e) : load(r->o.restart, e);
  if (e->code) return e->code;
  if (!r->saved_state) return begin_afresh(r, e);
  return match(r, r->saved_state, e);
}

void run_saved_log(run *r) {
  if (r->c.rank || !r->o.restart) return;
  if (!r->saved_state) {
    run_log(r, "no checkpoint in %s: the run starts from the beginning", r->out);
    return;
  }
  run_log(r, "continued from %s after %.1f s of earlier work (restart %ld)", r->saved_state->path, r->earlier,
          r->restarts);
  for (char *p = r->saved_state->log, *end; (end = strchr(p, '\n')); p = end + 1) run_log(r, "%.*s", (int)(end - p), p);
}

/* ---- taking objects out ---- */

static int refuse(const run_saved *s, const run_item *i, const char *why, err *e) {
  return err_set(e, ERR_FILE, "%s: %s: %s", s->path, i->name, why);
}

static int check_form(const run_saved *s, const char *path, const run_item *i, err *e) {
  char *type = NULL, *shape = NULL;
  if (!h5_read_attr_text(s->f, path, "type", &type, e) && !h5_read_attr_text(s->f, path, "shape", &shape, e) &&
      (strcmp(type, type_name[i->type]) || strcmp(shape, shape_name[run_item_shape(i)])))
    refuse(s, i, "another type or shape than in this program", e);
  free(type), free(shape);
  return e->code;
}

/* What does not fit any more must be zero bytes: room for steps or draws that were never made. */
static int check_excess(const run_saved *s, const run_item *i, const char *all, size_t rows, size_t length, err *e) {
  size_t size = run_item_size(i), have = run_item_shape(i) == RUN_ROWS ? i->row : i->count;
  for (size_t k = 0; k < rows && length > have; k++)
    for (size_t b = (k * length + have) * size; b < (k + 1) * length * size; b++)
      if (all[b])
        return err_set(e, ERR_DECK,
                       "%s: %s: more than the %zu numbers that this deck asks for are done already: steps, sweeps and "
                       "draws cannot fall below what is done",
                       s->path, i->name, have);
  return 0;
}

/* Rows of `stored` bytes get the zeros back that they ended in. NULL if out of memory. */
static char *pad_rows(char *all, size_t rows, size_t stored, size_t length) {
  char *padded = calloc(rows * length + 1, 1);
  for (size_t k = 0; padded && k < rows; k++) memcpy(padded + k * length, all + k * stored, stored);
  free(all);
  return padded;
}

/* The length of its rows before they were cut. */
static int full_length(const run_saved *s, const char *path, const run_item *i, size_t *length, err *e) {
  long long full = (long long)*length;
  if (h5_has_attr(s->f, path, "length") && h5_read_attr_i64(s->f, path, "length", &full, e)) return e->code;
  if (full < (long long)*length || full > INT64_MAX / 8) return refuse(s, i, "its length is wrong", e);
  *length = (size_t)full;
  return 0;
}

/* The object as saved, and the length of its rows (of all of it, if it has none). Caller frees. */
static char *read_item(const run_saved *s, const run_item *i, size_t *length, err *e) {
  char path[200], *all = NULL;
  int rank;
  size_t dims[8], rows = 1;
  long long hash;
  snprintf(path, sizeof path, "/state/%s", i->name);
  if (check_form(s, path, i, e) || h5_dims(s->f, path, &rank, dims, e)) return NULL;
  if (run_item_shape(i) == RUN_ROWS) rows = dims[0];
  if (rank != (run_item_shape(i) == RUN_ROWS ? 2 : 1) || (rank == 2 && rows != i->rows)) {
    refuse(s, i, "another number of rows than this deck asks for", e);
    return NULL;
  }
  size_t size = run_item_size(i), stored = *length = dims[rank - 1], n = rows * stored;
  if (full_length(s, path, i, length, e)) return NULL;
  all = malloc(n * size + 1);
  if (all && !h5_read(s->f, path, i->type, all, n, e) && !h5_read_attr_i64(s->f, path, "hash", &hash, e)) {
    if ((uint64_t)hash != hash64(all, n * size)) refuse(s, i, "its checksum is wrong", e);
    if (!e->code && stored < *length) all = pad_rows(all, rows, stored * size, *length * size);
    if (!e->code && all) check_excess(s, i, all, rows, *length, e);
  }
  if (!all && !e->code) err_set(e, ERR_RUN, "restart: out of memory for %s", i->name);
  return all;
}

static bool forget_name(run_saved *s, const char *name) {
  for (int k = 0; k < s->names; k++) {
    if (strcmp(s->name[k], name)) continue;
    free(s->name[k]);
    s->name[k] = s->name[--s->names];
    return true;
  }
  return false;
}

static void end_restoring(run *r) {
  run_saved_free(r->saved_state);
  r->saved_state = NULL;
  r->restoring = false;
}

int run_saved_take(run *r, const run_item *i, err *e) {
  struct {
    size_t length;
    int found, left;
  } told = {0};
  char *all = NULL;
  run_saved *s = r->saved_state;
  if (run_root(r) && (told.found = forget_name(s, i->name))) all = read_item(s, i, &told.length, e);
  if (run_root(r)) told.left = s->names;
  if (!comm_vote(&r->c, e)) {
    comm_bcast(&r->c, &told, sizeof told);
    if (told.found) run_item_scatter(r, i, all, told.length, e);
    if (!told.left) end_restoring(r);
  }
  free(all);
  return e->code;
}

int run_saved_check(const run *r, err *e) {
  if (!r->restoring || !run_root(r)) return 0;
  return err_set(e, ERR_FILE, "%s: this program does not know %s: it is a checkpoint of another version",
                 r->saved_state->path, r->saved_state->name[0]);
}
