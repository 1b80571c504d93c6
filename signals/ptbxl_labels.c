/* ptbxl_labels.c: the table of tasks; ptbxl_task_find, ptbxl_labels_new, _free. */
#include <stdlib.h>
#include <string.h>

#include "signals/ptbxl.h"

static const char *any(const ptbxl_statement *s) {
  return s->code;
}

static const char *diagnostic(const ptbxl_statement *s) {
  return s->diagnostic ? s->code : NULL;
}

static const char *subclass(const ptbxl_statement *s) {
  return s->diagnostic && *s->subclass ? s->subclass : NULL;
}

static const char *superclass(const ptbxl_statement *s) {
  return s->diagnostic && *s->superclass ? s->superclass : NULL;
}

static const char *form(const ptbxl_statement *s) {
  return s->form ? s->code : NULL;
}

static const char *rhythm(const ptbxl_statement *s) {
  return s->rhythm ? s->code : NULL;
}

static const ptbxl_task task_all = {"all", "every statement", any},
                        task_diag = {"diag", "diagnostic statements", diagnostic},
                        task_subdiag = {"subdiag", "diagnostic subclasses", subclass},
                        task_superdiag = {"superdiag", "diagnostic superclasses", superclass},
                        task_form = {"form", "statements on form", form},
                        task_rhythm = {"rhythm", "statements on rhythm", rhythm};
const ptbxl_task *const ptbxl_tasks[] = {&task_all,  &task_diag,   &task_subdiag, &task_superdiag,
                                         &task_form, &task_rhythm, NULL};

const ptbxl_task *ptbxl_task_find(const char *name) {
  for (int i = 0; ptbxl_tasks[i]; i++)
    if (!strcmp(ptbxl_tasks[i]->name, name)) return ptbxl_tasks[i];
  return NULL;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_used(const ptbxl *p, int statement) {
  for (long i = 0; i < p->records; i++)
    for (int c = 0; c < p->record[i].codes; c++)
      if (p->record[i].code[c].statement == statement) return true;
  return false;
}

/* Names of the labels that occur; of[statement]: its label, or -1. */
static int name_labels(ptbxl_labels *l, const ptbxl *p, const ptbxl_task *t, int *of, err *e) {
  l->name = calloc((size_t)p->statements + 1, sizeof *l->name);
  if (!l->name) return err_set(e, ERR_RUN, "%s: no memory", p->folder);
  for (int i = 0; i < p->statements; i++) {
    const char *s = t->label(&p->statement[i]);
    bool known = !s || !is_used(p, i);
    for (int k = 0; k < l->k && !known; k++) known = !strcmp(l->name[k], s);
    if (known) continue;
    l->name[l->k] = strdup(s);
    if (!l->name[l->k++]) return err_set(e, ERR_RUN, "%s: no memory", p->folder);
  }
  qsort(l->name, (size_t)l->k, sizeof *l->name, by_name);
  for (int i = 0; i < p->statements; i++) {
    const char *s = t->label(&p->statement[i]);
    of[i] = -1;
    for (int k = 0; k < l->k && s; k++)
      if (!strcmp(l->name[k], s)) of[i] = k;
  }
  return 0;
}

static void fill(ptbxl_labels *l, const ptbxl *p, const int *of) {
  for (long i = 0; i < p->records; i++) {
    const ptbxl_record *r = &p->record[i];
    unsigned char *row = l->label + l->n * l->k;
    bool any_label = false;
    for (int c = 0; c < r->codes; c++) {
      int k = of[r->code[c].statement];
      if (k >= 0) row[k] = 1, any_label = true;
    }
    if (any_label) l->record[l->n++] = i;
  }
}

int ptbxl_labels_new(ptbxl_labels **out, const ptbxl *p, const ptbxl_task *task, err *e) {
  ptbxl_labels *l = *out = calloc(1, sizeof *l);
  int *of = calloc((size_t)p->statements + 1, sizeof *of);
  if (!l || !of)
    err_set(e, ERR_RUN, "%s: no memory", p->folder);
  else if (!name_labels(l, p, task, of, e)) {
    l->record = calloc((size_t)p->records + 1, sizeof *l->record);
    l->label = calloc(((size_t)p->records + 1) * (size_t)(l->k + 1), 1);
    if (l->record && l->label)
      fill(l, p, of);
    else
      err_set(e, ERR_RUN, "%s: no memory", p->folder);
  }
  free(of);
  if (!e->code) return 0;
  ptbxl_labels_free(l);
  *out = NULL;
  return e->code;
}

void ptbxl_labels_free(ptbxl_labels *l) {
  if (!l) return;
  for (int k = 0; l->name && k < l->k; k++) free(l->name[k]);
  free(l->name), free(l->record), free(l->label);
  free(l);
}
