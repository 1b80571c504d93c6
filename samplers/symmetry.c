/* symmetry.c: symmetry_alloc, symmetry_place, symmetry_free (see symmetry.h). */
#include "samplers/symmetry.h"

#include <stdlib.h>

symmetry *symmetry_alloc(int size, int sites, int n) {
  symmetry *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->size = size;
  s->sign = calloc((size_t)size, sizeof *s->sign);
  s->site = calloc((size_t)size * (size_t)sites, sizeof *s->site);
  s->position = calloc((size_t)size * (size_t)n, sizeof *s->position);
  if (s->sign && s->site && s->position) return s;
  symmetry_free(s);
  return NULL;
}

bool symmetry_place(symmetry *s, int g, int sites, int n, const int *site, const int *position) {
  for (int t = 0; t < n; t++) {
    int q = position[s->site[(size_t)g * sites + site[t]]];
    if (q < 0) return false;
    s->position[(size_t)g * n + t] = q;
  }
  return true;
}

void symmetry_free(symmetry *s) {
  if (!s) return;
  free(s->sign), free(s->site), free(s->position), free(s);
}
