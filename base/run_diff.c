/* run_diff.c: see run_diff.h. */
#include "base/run_diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/run_past.h"
#include "base/run_priv.h"

enum { SHOWN = 20 };

typedef struct diff {
  h5 *a, *b;
  FILE *f;
  long found;
} diff;

static void tell(void *ctx, const char *object, const char *text) {
  diff *d = ctx;
  if (d->found++ < SHOWN) fprintf(d->f, "%s: %s\n", object, text);
}

/* The used deck without free keys; caller frees. */
static char *identity(h5 *f, const app *const *apps, err *e) {
  char *used = NULL, *name = NULL, *text = NULL;
  size_t n;
  if (!h5_read_attr_text(f, "/run", "used_deck", &used, e) && !h5_read_attr_text(f, "/run", "app", &name, e)) {
    run_input in = {.text = used, .bytes = strlen(used), .deck_only = true};
    run_options o = {.deck_path = "used deck"};
    FILE *m = open_memstream(&text, &n);
    if (!m) err_set(e, ERR_RUN, "diff: out of memory");
    if (m && !run_input_parse(&in, &o, apps, e)) deck_echo_some(in.deck, name, false, NULL, m);
    if (m) fclose(m);
    used = NULL; /* went with the input */
    run_input_free(&in);
  }
  free(used), free(name);
  return text;
}

/* Line by line; the section of a key is the last line that does not begin with a blank. */
static void compare_decks(diff *d, const char *a, const char *b) {
  char section[80] = "";
  while (*a || *b) {
    size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");
    if (n != m || strncmp(a, b, n)) {
      char text[400], object[100];
      snprintf(object, sizeof object, "deck, section %s", *section ? section : "app");
      size_t p = strspn(a, " "), q = strspn(b, " ");
      snprintf(text, sizeof text, "'%.*s' and '%.*s'", n - p > 150 ? 150 : (int)(n - p), a + p,
               m - q > 150 ? 150 : (int)(m - q), b + q);
      tell(d, object, text);
      if (*a != ' ' || *b != ' ') return; /* other sections: no more lines that belong together */
    }
    if (*a && *a != ' ') snprintf(section, sizeof section, "%.*s", (int)strcspn(a, ":\n"), a);
    a += n + (a[n] == '\n'), b += m + (b[m] == '\n');
  }
}

static int compare_text(diff *d, const char *name, err *e) {
  char *a = NULL, *b = NULL, text[300];
  if (!h5_read_attr_text(d->a, "/run", name, &a, e) && !h5_read_attr_text(d->b, "/run", name, &b, e) && strcmp(a, b)) {
    snprintf(text, sizeof text, "%.100s and %.100s", a, b);
    tell(d, name, text);
  }
  free(a), free(b);
  return e->code;
}

static int compare(diff *d, const app *const *apps, err *e) {
  static const char *const groups[] = {"/results", "/series", "/model"};
  if (compare_text(d, "app", e) || compare_text(d, "precision", e) || compare_text(d, "status", e)) return e->code;
  char *a = identity(d->a, apps, e), *b = a ? identity(d->b, apps, e) : NULL;
  if (!e->code) compare_decks(d, a, b);
  free(a), free(b);
  for (int k = 0; k < 3 && !e->code; k++) h5_compare(d->a, d->b, groups[k], tell, d, e);
  return e->code;
}

int run_diff(const char *a, const char *b, const app *const *apps, FILE *f, bool *equal, err *e) {
  diff d = {.f = f};
  if (!run_past_h5(&d.a, a, e) && !run_past_h5(&d.b, b, e)) compare(&d, apps, e);
  if (d.found > SHOWN) fprintf(f, "... and %ld more differences\n", d.found - SHOWN);
  *equal = !e->code && !d.found;
  h5_close(d.a), h5_close(d.b);
  return e->code;
}
