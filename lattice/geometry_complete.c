/* geometry_complete.c: lattice_complete: every pair of n sites is a bond, (0,1), (0,2), ..., (n-2,n-1). */
#include "lattice/geometry.h"

typedef struct complete_conf {
  long n;
} complete_conf;

static const deck_key keys[] = {{"n", DECK_INT, offsetof(complete_conf, n), NULL, 2, 16384, .unit = "sites",
                                 .help = "sites, all bound to each other"},
                                {NULL}};

int lattice_complete(lattice **out, int n, err *e) {
  if (lattice_alloc(out, "complete", n, (long)n * (n - 1) / 2, e)) return e->code;
  int(*b)[2] = (*out)->bond;
  for (int i = 0; i < n; i++)
    for (int j = i + 1; j < n; j++, b++) (*b)[0] = i, (*b)[1] = j;
  lattice_close(*out);
  return 0;
}

static int build(lattice **out, const void *conf, err *e) {
  return lattice_complete(out, (int)((const complete_conf *)conf)->n, e);
}

const lattice_geometry lattice_geometry_complete = {
    {"complete", "complete graph (SK and Hopfield models)", keys}, build, sizeof(complete_conf)};
