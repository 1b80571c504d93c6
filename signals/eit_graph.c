/* eit_graph.c: eit_graph_of_mesh, eit_graph_of_raster, eit_graph_free. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "signals/eit_raster.h"

void eit_graph_free(eit_graph *g) {
  if (g) free(g->side), free(g->length), free(g->first), free(g->next);
  free(g);
}

static eit_graph *room(int n, int most, int sides, err *e) {
  eit_graph *g = calloc(1, sizeof *g);
  if (g) {
    *g = (eit_graph){.n = n, .sides = sides};
    g->side = malloc(((size_t)most + 1) * sizeof *g->side), g->length = malloc(((size_t)most + 1) * sizeof *g->length);
    g->first = calloc((size_t)n + 2, sizeof *g->first), g->next = malloc((2 * (size_t)most + 1) * sizeof *g->next);
    if (g->side && g->length && g->first && g->next) return g;
  }
  eit_graph_free(g);
  err_set(e, ERR_RUN, "neighbourhood: no memory for %d cells", n);
  return NULL;
}

static void neighbours(eit_graph *g) {
  int *at = g->first + 1; /* moves up while its lists fill */
  for (int k = 0; k < g->nsides; k++)
    for (int i = 0; i < 2; i++)
      if (g->side[k][i] + 1 < g->n) at[g->side[k][i] + 1]++;
  for (int i = 1; i < g->n; i++) at[i] += at[i - 1];
  for (int k = 0; k < g->nsides; k++)
    for (int i = 0; i < 2; i++) g->next[at[g->side[k][i]]++] = g->side[k][1 - i];
}

typedef struct facet { /* a side by its nodes in ascending order (-1 first in the plane) */
  int node[3], cell;
} facet;

static int by_nodes(const void *a, const void *b) {
  const facet *x = a, *y = b;
  for (int i = 0; i < 3; i++)
    if (x->node[i] != y->node[i]) return x->node[i] < y->node[i] ? -1 : 1;
  return (x->cell > y->cell) - (x->cell < y->cell);
}

static void facets(const eit_mesh *m, facet *f) {
  int n = m->dim + 1;
  for (int k = 0; k < m->nelems; k++)
    for (int out = 0; out < n; out++, f++) { /* all corners but one */
      int at = 3 - m->dim;
      *f = (facet){{-1, -1, -1}, k};
      for (int i = 0; i < n; i++)
        if (i != out) f->node[at++] = m->elem[(long)k * m->elem_size + i];
      for (int i = 1; i < 3; i++)
        for (int j = i; j && f->node[j] < f->node[j - 1]; j--) {
          int t = f->node[j];
          f->node[j] = f->node[j - 1], f->node[j - 1] = t;
        }
    }
}

static double measure(const eit_mesh *m, const int node[3]) {
  const double *a = m->x + (long)node[1] * m->dim, *b = m->x + (long)node[2] * m->dim;
  if (m->dim == 2) return hypot(a[0] - b[0], a[1] - b[1]);
  const double *o = m->x + (long)node[0] * 3;
  double u[3], v[3], c = 0;
  for (int k = 0; k < 3; k++) u[k] = a[k] - o[k], v[k] = b[k] - o[k];
  for (int k = 0; k < 3; k++) c += pow(u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3], 2);
  return sqrt(c) / 2;
}

int eit_graph_of_mesh(eit_graph **out, const eit_mesh *m, err *e) {
  int n = (m->dim + 1) * m->nelems;
  facet *f = malloc(((size_t)n + 1) * sizeof *f);
  *out = NULL;
  eit_graph *g = f ? room(m->nelems, n / 2, m->dim + 1, e) : NULL;
  if (!g) {
    free(f);
    return err_set(e, ERR_RUN, "neighbourhood: no memory for %d cells", m->nelems);
  }
  facets(m, f);
  qsort(f, (size_t)n, sizeof *f, by_nodes);
  for (int i = 0; i + 1 < n; i++) {
    if (memcmp(f[i].node, f[i + 1].node, sizeof f[i].node)) continue;
    g->side[g->nsides][0] = f[i].cell, g->side[g->nsides][1] = f[i + 1].cell;
    g->length[g->nsides++] = measure(m, f[i].node);
    i++; /* a side has two cells at most */
  }
  free(f);
  neighbours(g);
  *out = g;
  return 0;
}

int eit_graph_of_raster(eit_graph **out, const eit_raster *r, err *e) {
  eit_graph *g = *out = room(r->n, 2 * r->n, 4, e);
  if (!g) return e->code;
  for (int p = 0; p < r->n; p++) {
    int place = r->place[p], next[2] = {-1, -1};
    if (place % r->cols + 1 < r->cols) next[0] = r->pixel[place + 1];
    if (place / r->cols + 1 < r->rows) next[1] = r->pixel[place + r->cols];
    for (int k = 0; k < 2; k++) {
      if (next[k] < 0) continue;
      g->side[g->nsides][0] = p, g->side[g->nsides][1] = next[k];
      g->length[g->nsides++] = 1;
    }
  }
  neighbours(g);
  return 0;
}
