/* run_past.c: see run_past.h. */
#include "base/run_past.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/run_priv.h"

void run_past_file(const char *path, char file[PATH_MAX]) {
  struct stat s;
  bool folder = !stat(path, &s) && S_ISDIR(s.st_mode);
  snprintf(file, PATH_MAX, folder ? "%.4000s/run.h5" : "%.4000s", path);
}

int run_past_h5(h5 **f, const char *path, err *e) {
  char file[PATH_MAX];
  run_past_file(path, file);
  if (h5_open(f, file, e)) return e->code;
  return h5_has_attr(*f, "/run", "used_deck") ? 0 : err_set(e, ERR_FILE, "%s was not written by spinet run", file);
}

int run_past_open(run_past *p, const char *path, const app *a, err *e) {
  char *text = NULL, word[64];
  *p = (run_past){0};
  run_past_file(path, p->file);
  if (run_past_h5(&p->f, path, e) || !(p->schema = run_full_schema(a, e)) ||
      h5_read_attr_text(p->f, "/run", "used_deck", &text, e))
    return e->code;
  if (!deck_app(word, p->file, text, strlen(text), e)) {
    if (strcmp(word, a->name))
      err_set(e, ERR_FILE, "%s is a run of app %s, not of %s", p->file, word, a->name);
    else if (deck_parse(&p->deck, p->file, text, strlen(text), NULL, 0, p->schema, e))
      e->code = ERR_FILE; /* a deck of another version of this program, not the one of this run */
  }
  free(text);
  return e->code;
}

void run_past_close(run_past *p) {
  if (p->deck) deck_free(p->deck);
  if (p->f) h5_close(p->f);
  free(p->schema);
  *p = (run_past){0};
}
