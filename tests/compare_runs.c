/* compare_runs.c: do two run.h5 hold the same bits?
 *   compare_runs A.h5 B.h5 [GROUP]...   walks the groups (default /results, /series, /model) of both files: the same
 * names, shapes, numbers bit for bit, texts, units and descriptions. Prints differences. compare_runs --run NAME A.h5
 * prints the text attribute NAME of /run Returns 0 if all is equal, 1 if not, 2 if a file cannot be read or there is
 * nothing to compare. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/h5.h"

typedef struct walk {
  h5 *other;
  const char *group;
  bool backwards; /* only look for what the first file lacks */
  int objects, differences;
} walk;

static int walk_group(h5 *f, const char *group, walk *w, err *e);

static void differs(walk *w, const char *path, const char *what) {
  if (++w->differences <= 20) printf("%s: %s\n", path, what);
}

static bool is_group(h5 *f, const char *path) {
  int rank;
  size_t dims[8];
  err e = {0};
  return h5_dims(f, path, &rank, dims, &e) != 0;
}

/* "" where there is none. Caller frees. */
static char *attribute(h5 *f, const char *path, const char *name) {
  char *text = NULL;
  err e = {0};
  if (h5_has_attr(f, path, name)) h5_read_attr_text(f, path, name, &text, &e);
  return text ? text : strdup("");
}

static void compare_attributes(h5 *f, const char *path, walk *w) {
  static const char *const names[] = {"unit", "description", "axes", "order", "format"};
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    char *a = attribute(f, path, names[k]), *b = attribute(w->other, path, names[k]);
    if (strcmp(a, b)) differs(w, path, names[k]);
    free(a), free(b);
  }
}

static void compare_numbers(h5 *f, const char *path, size_t n, walk *w, err *e) {
  double *a = malloc(2 * (n + 1) * sizeof *a), *b = a + n;
  if (!h5_read(f, path, H5_F64, a, n, e) && !h5_read(w->other, path, H5_F64, b, n, e)) {
    size_t first = 0;
    while (first < n && !memcmp(&a[first], &b[first], sizeof *a)) first++;
    char text[160];
    snprintf(text, sizeof text, "element %zu of %zu is %.17g and %.17g", first, n, a[first], first < n ? b[first] : 0);
    if (first < n) differs(w, path, text);
  }
  free(a);
}

/* Numbers, or one text. */
static int compare_dataset(h5 *f, const char *path, walk *w, err *e) {
  int rank, other_rank;
  size_t dims[8], other[8], n = 1;
  char *a = NULL, *b = NULL;
  err no_text = {0};
  if (h5_dims(f, path, &rank, dims, e) || h5_dims(w->other, path, &other_rank, other, e)) return e->code;
  if (rank != other_rank || memcmp(dims, other, (size_t)rank * sizeof *dims)) {
    differs(w, path, "shapes differ");
    return 0;
  }
  for (int k = 0; k < rank; k++) n *= dims[k];
  if (h5_read_text(f, path, &a, &no_text))
    compare_numbers(f, path, n, w, e);
  else if (!h5_read_text(w->other, path, &b, e) && strcmp(a, b))
    differs(w, path, "texts differ");
  free(a), free(b);
  return e->code;
}

static int compare_one(h5 *f, const char *name, void *ctx, err *e) {
  walk *w = ctx;
  char path[600];
  snprintf(path, sizeof path, "%s/%s", w->group, name);
  if (!h5_has(w->other, path)) {
    differs(w, path, w->backwards ? "only in the second file" : "only in the first file");
    return 0;
  }
  bool group = is_group(f, path);
  if (group != is_group(w->other, path))
    differs(w, path, "a group in one file alone");
  else if (group)
    return walk_group(f, path, w, e);
  else if (!w->backwards) {
    w->objects++;
    compare_attributes(f, path, w);
    return compare_dataset(f, path, w, e);
  }
  return 0;
}

static int walk_group(h5 *f, const char *group, walk *w, err *e) {
  const char *was = w->group;
  w->group = group;
  if (!w->backwards) compare_attributes(f, group, w);
  h5_each(f, group, compare_one, w, e);
  w->group = was;
  return e->code;
}

static int compare_files(h5 *a, h5 *b, int groups, const char *const *group, err *e) {
  walk there = {.other = b}, back = {.other = a, .backwards = true};
  for (int k = 0; k < groups && !e->code; k++) {
    bool first = h5_has(a, group[k]), second = h5_has(b, group[k]);
    if (first != second) differs(&there, group[k], "in one file alone");
    if (first && second && !walk_group(a, group[k], &there, e)) walk_group(b, group[k], &back, e);
  }
  int differences = there.differences + back.differences;
  printf("compare_runs: %d objects, %d differences\n", there.objects, differences);
  return e->code || !there.objects ? 2 : differences > 0;
}

static int print_attribute(const char *path, const char *name, err *e) {
  h5 *f = NULL;
  char *text = NULL;
  if (!h5_open(&f, path, e) && !h5_read_attr_text(f, "/run", name, &text, e)) printf("%s", text);
  free(text);
  h5_close(f);
  return e->code ? 2 : 0;
}

int main(int argc, char **argv) {
  static const char *const standard[] = {"/results", "/series", "/model"};
  h5 *a = NULL, *b = NULL;
  err e = {0};
  int code = 2;
  if (argc == 4 && !strcmp(argv[1], "--run"))
    code = print_attribute(argv[3], argv[2], &e);
  else if (argc < 3)
    err_set(&e, ERR_DECK, "usage: compare_runs A.h5 B.h5 [GROUP]... | --run NAME A.h5");
  else if (!h5_open(&a, argv[1], &e) && !h5_open(&b, argv[2], &e))
    code = argc > 3 ? compare_files(a, b, argc - 3, (const char *const *)argv + 3, &e)
                    : compare_files(a, b, 3, standard, &e);
  h5_close(a), h5_close(b);
  if (e.code) printf("compare_runs: %s\n", e.text);
  return code;
}
