/* run_result.c: run_result, run_result_array, run_series, run_writer and how they stand in run.h5:
 *   /results/<name>  attributes unit, description; datasets value [error exact exact_error tau_int n_eff], and for
 * arrays the attribute axes = "beta,site" and axis_<name> with the values along an axis /series/<name>   plain arrays
 * What is not defined (NaN) is absent; the attribute `order` of /results lists the names as they were given. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/run_priv.h"

static size_t array_count(const run_array *a) {
  size_t n = 1;
  for (int k = 0; k < a->rank; k++) n *= a->dims[k];
  return n;
}

static void free_value(run_value *v) {
  free((char *)v->name), free((char *)v->unit), free((char *)v->description);
}

static void free_array(run_array *a) {
  free((char *)a->name), free((char *)a->unit), free((char *)a->description);
  for (int k = 0; k < 4; k++)
    free((char *)a->axis[k]), free((char *)a->axis_unit[k]), free((double *)a->axis_values[k]);
  free((double *)a->value), free((double *)a->error), free((double *)a->exact);
}

void run_results_free(run_results *s) {
  for (int i = 0; i < s->values; i++) free_value(&s->value[i]);
  for (int i = 0; i < s->arrays; i++) free_array(&s->array[i]);
  free(s->value), free(s->array);
  memset(s, 0, sizeof *s);
}

/* ---- taking results in ---- */

static bool good_name(const char *s) {
  if (!s || !*s || strlen(s) > 100) return false;
  for (; *s; s++)
    if (!isalnum((unsigned char)*s) && !strchr("_-+.", *s)) return false;
  return true;
}

static int check_texts(const char *name, const char *unit, const char *description, err *e) {
  if (!good_name(name))
    return err_set(e, ERR_RUN, "the result name \"%s\" must consist of letters, digits and _ - + .", name ? name : "");
  if (!unit || !*unit) return err_set(e, ERR_RUN, "result %s has no unit (\"1\" for a pure number)", name);
  if (!description || !*description) return err_set(e, ERR_RUN, "result %s has no description", name);
  return 0;
}

static char *copy_text(const char *s, const char *instead) {
  return strdup(s ? s : instead);
}

static double *copy_numbers(const double *p, size_t n) {
  double *q = p ? malloc(n * sizeof *q + 1) : NULL;
  if (q) memcpy(q, p, n * sizeof *q);
  return q;
}

/* Room for one more, or the place of the one with that name: a running estimate may be given again for a snapshot. */
static run_value *value_place(run_results *s, const char *name) {
  for (int i = 0; i < s->values; i++)
    if (!strcmp(s->value[i].name, name)) {
      free_value(&s->value[i]);
      return &s->value[i];
    }
  run_value *more = realloc(s->value, (size_t)(s->values + 1) * sizeof *more);
  if (!more) return NULL;
  s->value = more;
  return &more[s->values++];
}

static run_array *array_place(run_results *s, const char *name) {
  for (int i = 0; i < s->arrays; i++)
    if (!strcmp(s->array[i].name, name)) {
      free_array(&s->array[i]);
      return &s->array[i];
    }
  run_array *more = realloc(s->array, (size_t)(s->arrays + 1) * sizeof *more);
  if (!more) return NULL;
  s->array = more;
  return &more[s->arrays++];
}

static int add_value(run_results *s, run_value v, err *e) {
  run_value *to = value_place(s, v.name);
  if (!to) return err_set(e, ERR_RUN, "out of memory");
  *to = v;
  to->name = copy_text(v.name, ""), to->unit = copy_text(v.unit, "1"), to->description = copy_text(v.description, "");
  return 0;
}

static int add_array(run_results *s, run_array a, err *e) {
  size_t n = array_count(&a);
  run_array *to = array_place(s, a.name), zero = {0};
  if (!to) return err_set(e, ERR_RUN, "out of memory");
  *to = zero;
  to->name = copy_text(a.name, ""), to->unit = copy_text(a.unit, "1"), to->description = copy_text(a.description, "");
  to->rank = a.rank;
  for (int k = 0; k < a.rank; k++) {
    to->dims[k] = a.dims[k];
    to->axis[k] = copy_text(a.axis[k], "index"), to->axis_unit[k] = copy_text(a.axis_unit[k], "1");
    to->axis_values[k] = copy_numbers(a.axis_values[k], a.dims[k]);
  }
  to->value = copy_numbers(a.value, n), to->error = copy_numbers(a.error, n), to->exact = copy_numbers(a.exact, n);
  return to->value ? 0 : err_set(e, ERR_RUN, "result %s: no values, or out of memory", a.name);
}

int run_result(run *r, run_value v, err *e) {
  if (check_texts(v.name, v.unit, v.description, e)) return e->code;
  return run_root(r) ? add_value(&r->results, v, e) : 0;
}

int run_number(run *r, const char *name, const char *unit, const char *description, double value, double error,
               err *e) {
  return run_result(r, (run_value){name, unit, description, value, error, NAN, NAN, NAN, NAN}, e);
}

void run_result_reference(run *r, const char *observable, const char *source, double value, double error) {
  size_t n = strlen(observable);
  for (int i = 0; i < r->results.values; i++) {
    run_value *v = &r->results.value[i];
    bool same = !strncmp(v->name, observable, n) && v->name[n] == '.';
    if (same && isnan(v->exact) && strcmp(v->name + n + 1, source)) v->exact = value, v->exact_error = error;
  }
}

int run_result_array(run *r, run_array a, err *e) {
  if (check_texts(a.name, a.unit, a.description, e)) return e->code;
  if (a.rank < 1 || a.rank > 4) return err_set(e, ERR_RUN, "result %s has %d axes, not 1 to 4", a.name, a.rank);
  for (int k = 0; k < a.rank; k++)
    if (!good_name(a.axis[k])) return err_set(e, ERR_RUN, "result %s: axis %d has no good name", a.name, k);
  return run_root(r) ? add_array(&r->results, a, e) : 0;
}

/* ---- series and writers ---- */

static void free_series(run_series_item *s) {
  free(s->path), free(s->unit), free(s->description), free(s->data);
}

static run_series_item *series_place(run *r, const char *path) {
  for (int i = 0; i < r->nseries; i++)
    if (!strcmp(r->series[i].path, path)) {
      free_series(&r->series[i]);
      return &r->series[i];
    }
  run_series_item *more = realloc(r->series, (size_t)(r->nseries + 1) * sizeof *more);
  if (!more) return NULL;
  r->series = more;
  return &more[r->nseries++];
}

int run_series(run *r, const char *name, h5_type t, int rank, const size_t *dims, const void *data, const char *unit,
               const char *description, err *e) {
  static const size_t size[] = {8, 4, 8, 4, 1, 1};
  char path[256];
  size_t n = size[t];
  if (check_texts(name[0] == '/' ? "path" : name, unit, description, e)) return err_context(e, "%s", name);
  if (rank < 0 || rank > 8) return err_set(e, ERR_RUN, "series %s has %d axes, not 0 to 8", name, rank);
  if (!run_root(r)) return 0;
  snprintf(path, sizeof path, "%s%s", name[0] == '/' ? "" : "/series/", name);
  run_series_item *s = series_place(r, path);
  if (!s) return err_set(e, ERR_RUN, "out of memory");
  *s = (run_series_item){.path = strdup(path), .type = t, .rank = rank};
  s->unit = strdup(unit), s->description = strdup(description);
  for (int k = 0; k < rank; k++) n *= s->dims[k] = dims[k];
  s->data = malloc(n + 1);
  if (!s->data) return err_set(e, ERR_RUN, "out of memory: %zu bytes of series %s", n, name);
  memcpy(s->data, data, n);
  return 0;
}

int run_writer(run *r, int (*write)(h5 *f, const void *self, err *e), const void *self, err *e) {
  run_writer_item *more = realloc(r->writer, (size_t)(r->writers + 1) * sizeof *more);
  if (!more) return err_set(e, ERR_RUN, "out of memory");
  r->writer = more;
  more[r->writers++] = (run_writer_item){write, self};
  return 0;
}

int run_writer_end(run *r, const void *self, err *e) {
  int left = 0;
  if (run_root(r) && !r->kept) h5_scratch(&r->kept, e);
  for (int i = 0; i < r->writers; i++) {
    run_writer_item w = r->writer[i];
    if (w.self != self)
      r->writer[left++] = w;
    else if (run_root(r) && !e->code)
      w.write(r->kept, self, e);
  }
  r->writers = left;
  return e->code;
}

/* ---- into the file ---- */

/* One number or array of a result, unless it is not defined. */
static int put(h5 *f, const char *result, const char *part, int rank, const size_t *dims, const double *v,
               const char *unit, const char *description, err *e) {
  char path[400];
  if (!v || (rank == 0 && isnan(*v))) return 0;
  snprintf(path, sizeof path, "/results/%s/%s", result, part);
  return h5_write(f, path, H5_F64, rank, dims, v, unit, description, e);
}

static int put_group(h5 *f, const char *name, const char *unit, const char *description, err *e) {
  char path[400];
  snprintf(path, sizeof path, "/results/%s", name);
  return h5_attr_text(f, path, "unit", unit, e) || h5_attr_text(f, path, "description", description, e) ? e->code : 0;
}

static int put_value(h5 *f, const run_value *v, err *e) {
  return put_group(f, v->name, v->unit, v->description, e) ||
                 put(f, v->name, "value", 0, NULL, &v->value, v->unit, v->description, e) ||
                 put(f, v->name, "error", 0, NULL, &v->error, v->unit, "one standard deviation", e) ||
                 put(f, v->name, "exact", 0, NULL, &v->exact, v->unit, "exact or reference value", e) ||
                 put(f, v->name, "exact_error", 0, NULL, &v->exact_error, v->unit, "error of the reference", e) ||
                 put(f, v->name, "tau_int", 0, NULL, &v->tau_int, "1", "integrated autocorrelation time in steps", e) ||
                 put(f, v->name, "n_eff", 0, NULL, &v->n_eff, "1", "effective number of samples", e)
             ? e->code
             : 0;
}

static int put_array(h5 *f, const run_array *a, err *e) {
  char axes[500] = "", part[128], path[400];
  if (put_group(f, a->name, a->unit, a->description, e)) return e->code;
  for (int k = 0; k < a->rank; k++) {
    size_t used = strlen(axes);
    snprintf(axes + used, sizeof axes - used, "%s%s", k ? "," : "", a->axis[k]);
    snprintf(part, sizeof part, "axis_%s", a->axis[k]);
    if (put(f, a->name, part, 1, &a->dims[k], a->axis_values[k], a->axis_unit[k], "values along the axis", e))
      return e->code;
  }
  snprintf(path, sizeof path, "/results/%s", a->name);
  return h5_attr_text(f, path, "axes", axes, e) ||
                 put(f, a->name, "value", a->rank, a->dims, a->value, a->unit, a->description, e) ||
                 put(f, a->name, "error", a->rank, a->dims, a->error, a->unit, "one standard deviation", e) ||
                 put(f, a->name, "exact", a->rank, a->dims, a->exact, a->unit, "exact or reference value", e)
             ? e->code
             : 0;
}

static void print_names(const run_results *s, FILE *f) {
  for (int i = 0; i < s->values; i++) fprintf(f, "%s\n", s->value[i].name);
  for (int i = 0; i < s->arrays; i++) fprintf(f, "%s\n", s->array[i].name);
}

/* The order in which results were given: HDF5 would list them by name. */
static int put_order(const run_results *s, h5 *f, err *e) {
  char *text = NULL;
  size_t n;
  FILE *m = open_memstream(&text, &n);
  if (!m) return err_set(e, ERR_RUN, "out of memory");
  print_names(s, m);
  fclose(m);
  int code = h5_attr_text(f, "/results", "order", text, e);
  free(text);
  return code;
}

int run_results_write(const run_results *s, h5 *f, err *e) {
  if (put_order(s, f, e)) return e->code;
  for (int i = 0; i < s->values; i++)
    if (put_value(f, &s->value[i], e)) return e->code;
  for (int i = 0; i < s->arrays; i++)
    if (put_array(f, &s->array[i], e)) return e->code;
  return 0;
}

int run_store(const run *r, h5 *f, err *e) {
  if (run_results_write(&r->results, f, e)) return e->code;
  for (int i = 0; i < r->nseries; i++) {
    const run_series_item *s = &r->series[i];
    if (h5_write(f, s->path, s->type, s->rank, s->dims, s->data, s->unit, s->description, e)) return e->code;
  }
  for (int i = 0; i < r->writers; i++)
    if (r->writer[i].write(f, r->writer[i].self, e)) return e->code;
  return r->kept ? h5_copy(f, r->kept, e) : 0;
}

/* ---- out of the file ---- */

/* Part of a result as n numbers; NULL where absent. */
static double *get(h5 *f, const char *result, const char *part, size_t n, err *e) {
  char path[400];
  snprintf(path, sizeof path, "/results/%s/%s", result, part);
  double *v = h5_has(f, path) ? malloc(n * sizeof *v + 1) : NULL;
  if (v) h5_read(f, path, H5_F64, v, n, e);
  return v;
}

static double get_one(h5 *f, const char *result, const char *part, err *e) {
  double *p = get(f, result, part, 1, e), v = p ? *p : NAN;
  free(p);
  return v;
}

static int read_value(run_results *s, h5 *f, const char *name, const char *unit, const char *description, err *e) {
  run_value v = {name, unit, description, 0, 0, 0, 0, 0, 0};
  v.value = get_one(f, name, "value", e), v.error = get_one(f, name, "error", e);
  v.exact = get_one(f, name, "exact", e), v.exact_error = get_one(f, name, "exact_error", e);
  v.tau_int = get_one(f, name, "tau_int", e), v.n_eff = get_one(f, name, "n_eff", e);
  return e->code ? e->code : add_value(s, v, e);
}

/* NULL where the axis has no values; the caller frees. */
static char *axis_unit(h5 *f, const char *result, const char *part) {
  char path[400], *unit = NULL;
  err none = {0};
  snprintf(path, sizeof path, "/results/%s/%s", result, part);
  if (h5_has_attr(f, path, "unit")) h5_read_attr_text(f, path, "unit", &unit, &none);
  return unit;
}

static int read_array(run_results *s, h5 *f, const char *group, run_array a, err *e) {
  char path[420], part[128], *axes = NULL, *rest = NULL;
  size_t dims[8];
  snprintf(path, sizeof path, "%s/value", group);
  if (h5_read_attr_text(f, group, "axes", &axes, e) || h5_dims(f, path, &a.rank, dims, e)) {
    free(axes);
    return e->code;
  }
  if (a.rank > 4) err_set(e, ERR_FILE, "%s has more than 4 axes", path);
  const char *name = strtok_r(axes, ",", &rest);
  for (int k = 0; k < a.rank && !e->code; k++, name = strtok_r(NULL, ",", &rest)) {
    a.dims[k] = dims[k], a.axis[k] = name;
    snprintf(part, sizeof part, "axis_%s", name ? name : "");
    a.axis_values[k] = get(f, a.name, part, dims[k], e);
    a.axis_unit[k] = axis_unit(f, a.name, part);
  }
  size_t n = e->code ? 0 : array_count(&a);
  double *value = get(f, a.name, "value", n, e), *error = get(f, a.name, "error", n, e),
         *exact = get(f, a.name, "exact", n, e);
  a.value = value, a.error = error, a.exact = exact;
  if (!e->code) add_array(s, a, e);
  for (int k = 0; k < 4; k++) free((double *)a.axis_values[k]), free((char *)a.axis_unit[k]);
  free(value), free(error), free(exact), free(axes);
  return e->code;
}

static int read_one(h5 *f, const char *name, run_results *results, err *e) {
  char group[400], *unit = NULL, *description = NULL;
  snprintf(group, sizeof group, "/results/%s", name);
  if (!h5_read_attr_text(f, group, "unit", &unit, e) && !h5_read_attr_text(f, group, "description", &description, e)) {
    if (h5_has_attr(f, group, "axes"))
      read_array(results, f, group, (run_array){.name = name, .unit = unit, .description = description}, e);
    else
      read_value(results, f, name, unit, description, e);
  }
  free(unit), free(description);
  return e->code;
}

int run_results_read(run_results *s, h5 *f, err *e) {
  char *order = NULL, *rest = NULL;
  if (h5_read_attr_text(f, "/results", "order", &order, e)) return e->code;
  for (char *name = strtok_r(order, "\n", &rest); name && !e->code; name = strtok_r(NULL, "\n", &rest))
    read_one(f, name, s, e);
  free(order);
  return e->code;
}
