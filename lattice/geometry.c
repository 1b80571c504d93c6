/* geometry.c: lattice_alloc, lattice_close (CSR lists of neighbours), lattice_bipartite, lattice_from_deck,
 * lattice_free and the table of the family. */
#include "lattice/geometry.h"

#include <stdlib.h>
#include <string.h>

extern const lattice_geometry lattice_geometry_square, lattice_geometry_triangular, lattice_geometry_complete,
    lattice_geometry_graph;
const deck_kind *const lattice_geometries[] = {&lattice_geometry_square.kind, &lattice_geometry_triangular.kind,
                                               &lattice_geometry_complete.kind, &lattice_geometry_graph.kind, NULL};

int lattice_alloc(lattice **out, const char *name, long n, long nbonds, err *e) {
  *out = NULL;
  if (n < 1 || n > 1L << 28) return err_set(e, ERR_DECK, "%s lattice of %ld sites: must be 1 to 2^28", name, n);
  if (nbonds >= 1L << 30) return err_set(e, ERR_DECK, "%s lattice of %ld bonds: must be below 2^30", name, nbonds);
  lattice *l = calloc(1, sizeof *l);
  if (!l) return err_set(e, ERR_RUN, "no memory for a lattice");
  size_t b = nbonds ? (size_t)nbonds : 1;
  *l = (lattice){.name = name, .n = (int)n, .nbonds = (int)nbonds};
  l->bond = calloc(b, sizeof *l->bond);
  l->start = calloc((size_t)n + 1, sizeof(int));
  l->neighbour = calloc(2 * b, sizeof(int));
  l->via = calloc(2 * b, sizeof(int));
  if (!l->bond || !l->start || !l->neighbour || !l->via) {
    lattice_free(l);
    return err_set(e, ERR_RUN, "no memory for a lattice of %ld sites and %ld bonds", n, nbonds);
  }
  *out = l;
  return 0;
}

void lattice_free(lattice *l) {
  if (!l) return;
  free(l->bond), free(l->weight), free(l->start), free(l->neighbour), free(l->via);
  free(l);
}

void lattice_close(lattice *l) {
  int *start = l->start;
  memset(start, 0, sizeof(int) * ((size_t)l->n + 1));
  for (int b = 0; b < l->nbonds; b++) start[l->bond[b][0] + 1]++, start[l->bond[b][1] + 1]++;
  for (int i = 0; i < l->n; i++) start[i + 1] += start[i];
  for (int b = 0; b < l->nbonds; b++) /* start[i] walks to the end of its list, i.e. to the start of the next one */
    for (int side = 0; side < 2; side++) {
      int k = start[l->bond[b][side]]++;
      l->neighbour[k] = l->bond[b][1 - side];
      l->via[k] = b;
    }
  memmove(start + 1, start, sizeof(int) * (size_t)l->n);
  start[0] = 0;
}

/* Colours one component breadth first from `root`; queue[n] is scratch. */
static bool colour_component(const lattice *l, int root, int *colour, int *queue) {
  int head = 0, tail = 0;
  colour[root] = 0;
  queue[tail++] = root;
  while (head < tail) {
    int i = queue[head++];
    for (int k = l->start[i]; k < l->start[i + 1]; k++) {
      int j = l->neighbour[k];
      if (colour[j] == colour[i]) return false;
      if (colour[j] < 0) {
        colour[j] = 1 - colour[i];
        queue[tail++] = j;
      }
    }
  }
  return true;
}

bool lattice_bipartite(const lattice *l, int *colour) {
  int *work = malloc(sizeof(int) * 2 * (size_t)l->n);
  if (!work) return false;
  int *c = colour ? colour : work;
  bool yes = true;
  memset(c, -1, sizeof(int) * (size_t)l->n);
  for (int i = 0; i < l->n && yes; i++)
    if (c[i] < 0) yes = colour_component(l, i, c, work + l->n);
  free(work);
  return yes;
}

int lattice_from_deck(lattice **out, const deck *d, err *e) {
  *out = NULL;
  const lattice_geometry *g = (const lattice_geometry *)deck_kind_of(d, "lattice");
  void *conf = calloc(1, g->conf_size);
  if (!conf) return err_set(e, ERR_RUN, "no memory for a lattice");
  deck_get(d, "lattice", g->kind.keys, conf);
  int rc = g->build(out, conf, e);
  free(conf);
  return rc ? err_context(e, "%s: lattice", deck_where(d, "lattice", "kind")) : 0;
}
