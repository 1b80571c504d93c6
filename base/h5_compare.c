/* h5_compare.c: h5_compare: two files object by object: what exists, kinds, extents, bytes, attributes. */
#include <stdlib.h>
#include <string.h>

#include "base/h5_priv.h"

typedef struct pair {
  h5 *a, *b;
  const char *path;
  void (*tell)(void *ctx, const char *object, const char *text);
  void *ctx;
} pair;

static int compare_object(const pair *p, err *e);

/* ---- values ---- */

static bool same_extent(hid_t s, hid_t t) {
  return H5Sextent_equal(s, t) > 0;
}

static bool is_text(hid_t type) {
  return H5Tis_variable_str(type) > 0;
}

/* The whole contents of a dataset or attribute, as stored; variable texts are pointers into HDF5's memory. */
static void *contents(hid_t object, bool attribute, hid_t type, size_t bytes) {
  void *p = calloc(bytes + 1, 1);
  herr_t bad = !p ? -1 : attribute ? H5Aread(object, type, p) : H5Dread(object, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, p);
  if (bad >= 0) return p;
  free(p);
  return NULL;
}

/* First element that differs, -1: none; -2: cannot be read. Values as text into s. */
static long differs(hid_t a, hid_t b, bool attribute, hid_t type, hid_t space, char *s, size_t room) {
  size_t n = (size_t)H5Sget_simple_extent_npoints(space), size = H5Tget_size(type);
  char *x = contents(a, attribute, type, n * size), *y = contents(b, attribute, type, n * size);
  long at = x && y ? -1 : -2;
  bool text = is_text(type), real = H5Tget_class(type) == H5T_FLOAT && (size == 8 || size == 4);
  for (size_t i = 0; at == -1 && i < n; i++) {
    const char *u = x + i * size, *v = y + i * size;
    bool same = text ? !strcmp(*(char *const *)u ? *(char *const *)u : "", *(char *const *)v ? *(char *const *)v : "")
                     : !memcmp(u, v, size);
    if (same) continue;
    at = (long)i;
    double p = 0, q = 0;
    if (real && size == 8) memcpy(&p, u, 8), memcpy(&q, v, 8);
    if (real && size == 4) p = *(const float *)u, q = *(const float *)v;
    *s = 0;
    if (real) snprintf(s, room, ": %.17g and %.17g", p, q);
    if (text) snprintf(s, room, ": '%.60s' and '%.60s'", *(char *const *)u, *(char *const *)v);
  }
  if (text && x) H5Dvlen_reclaim(type, space, H5P_DEFAULT, x);
  if (text && y) H5Dvlen_reclaim(type, space, H5P_DEFAULT, y);
  free(x), free(y);
  return at;
}

/* Two datasets or two attributes. */
static void compare_values(const pair *p, const char *name, hid_t a, hid_t b, bool attribute) {
  hid_t type = attribute ? H5Aget_type(a) : H5Dget_type(a), other = attribute ? H5Aget_type(b) : H5Dget_type(b);
  hid_t space = attribute ? H5Aget_space(a) : H5Dget_space(a), far = attribute ? H5Aget_space(b) : H5Dget_space(b);
  char values[200] = "", text[300];
  if (H5Tequal(type, other) <= 0) {
    p->tell(p->ctx, name, "other type of numbers");
  } else if (!same_extent(space, far)) {
    p->tell(p->ctx, name, "other shape");
  } else {
    long at = differs(a, b, attribute, type, space, values, sizeof values);
    snprintf(text, sizeof text, "differ from element %ld on%s", at, values);
    if (at == -2) snprintf(text, sizeof text, "cannot be read");
    if (at != -1) p->tell(p->ctx, name, text);
  }
  H5Tclose(type), H5Tclose(other), H5Sclose(space), H5Sclose(far);
}

/* ---- attributes ---- */

typedef struct attributes {
  const pair *p;
  hid_t other;
  bool values; /* compare values too: else only what is missing */
} attributes;

static herr_t each_attribute(hid_t object, const char *name, const H5A_info_t *info, void *ctx) {
  const attributes *l = ctx;
  char path[1200];
  snprintf(path, sizeof path, "%.1000s attribute %.100s", l->p->path, name);
  if (H5Aexists(l->other, name) <= 0) {
    l->p->tell(l->p->ctx, path, l->values ? "only in the first" : "only in the second");
    return 0;
  }
  if (!l->values) return 0;
  hid_t a = H5Aopen(object, name, H5P_DEFAULT), b = H5Aopen(l->other, name, H5P_DEFAULT);
  compare_values(l->p, path, a, b, true);
  H5Aclose(a), H5Aclose(b);
  return 0;
}

static void compare_attributes(const pair *p, hid_t a, hid_t b) {
  attributes there = {p, b, true}, back = {p, a, false};
  H5Aiterate2(a, H5_INDEX_NAME, H5_ITER_INC, NULL, each_attribute, &there);
  H5Aiterate2(b, H5_INDEX_NAME, H5_ITER_INC, NULL, each_attribute, &back);
}

/* ---- objects ---- */

static int each_child(h5 *f, const char *name, void *ctx, err *e) {
  const pair *up = ctx;
  char path[1024];
  snprintf(path, sizeof path, "%.800s/%.200s", up->path, name);
  pair p = *up;
  p.path = path;
  if (f == up->b) { /* second round: only what the first file lacks */
    if (!h5_has(up->a, path)) up->tell(up->ctx, path, "only in the second");
    return 0;
  }
  return compare_object(&p, e);
}

static int compare_object(const pair *p, err *e) {
  if (!h5_has(p->b, p->path)) {
    p->tell(p->ctx, p->path, "only in the first");
    return 0;
  }
  hid_t a = H5Oopen(p->a->id, p->path, H5P_DEFAULT), b = H5Oopen(p->b->id, p->path, H5P_DEFAULT);
  H5I_type_t kind = H5Iget_type(a);
  if (a < 0 || b < 0) {
    h5_fail(a < 0 ? p->a : p->b, "open", p->path, e);
  } else if (kind != H5Iget_type(b)) {
    p->tell(p->ctx, p->path, "other kind of object");
  } else {
    compare_attributes(p, a, b);
    if (kind == H5I_DATASET) compare_values(p, p->path, a, b, false);
    if (kind == H5I_GROUP && !h5_each(p->a, p->path, each_child, (void *)p, e))
      h5_each(p->b, p->path, each_child, (void *)p, e);
  }
  if (a >= 0) H5Oclose(a);
  if (b >= 0) H5Oclose(b);
  return e->code;
}

int h5_compare(h5 *a, h5 *b, const char *path, void (*tell)(void *ctx, const char *object, const char *text), void *ctx,
               err *e) {
  pair p = {a, b, path, tell, ctx};
  bool there = h5_has(a, path);
  if (there) return compare_object(&p, e);
  if (h5_has(b, path)) tell(ctx, path, "only in the second");
  return 0;
}
