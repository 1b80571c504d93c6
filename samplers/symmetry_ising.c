/* symmetry_ising.c: Z2, half-lattice translations and the dihedral group of the square (see ar_ising.h). */
#include <math.h>
#include <stdlib.h>

#include "samplers/ar_ising.h"

const char symmetry_ising_words[] = "none|z2|d4|translations_d4|z2_translations|z2_d4|all";
static const struct {
  int flips, halves, maps; /* orders of the factors */
} groups[] = {{1, 1, 1}, {2, 1, 1}, {1, 1, 8}, {1, 4, 8}, {2, 4, 1}, {2, 1, 8}, {2, 4, 8}};

/* Image of (r, c): dihedral element d (0..7), then a shift by (h/2) lattice halves. */
static int image(const lattice *l, int d, int half, int r, int c) {
  int L = l->rows,
      shift =
          l->periodic ? 0 : 1; /* a torus is reflected at site 0, which keeps sublattices; an open one at its centre */
  int x = d & 1 ? (l->cols - shift - c) % l->cols : c, y = d & 2 ? (L - shift - r) % L : r;
  if (d & 4) {
    int swap = x;
    x = y, y = swap;
  }
  y = (y + (half & 1 ? L / 2 : 0)) % L, x = (x + (half & 2 ? l->cols / 2 : 0)) % l->cols;
  return y * l->cols + x;
}

static double coupling(const ising *m, int i, int j) {
  const lattice *l = m->lat;
  double sum = 0;
  for (int k = l->start[i]; k < l->start[i + 1]; k++)
    if (l->neighbour[k] == j) sum += m->J[l->via[k]];
  return sum;
}

static bool keeps_energy(const ising *m, const int *perm, int sign) {
  for (int b = 0; b < m->lat->nbonds; b++) {
    int i = m->lat->bond[b][0], j = m->lat->bond[b][1];
    if (fabs(coupling(m, i, j) - coupling(m, perm[i], perm[j])) > 1e-12) return false;
  }
  for (int i = 0; m->h && i < m->lat->n; i++)
    if (fabs(m->h[i] - sign * m->h[perm[i]]) > 1e-12) return false;
  return true;
}

static int check_element(symmetry *s, int g, const ising *m, const order *o, err *e) {
  const int *perm = s->site + (size_t)g * m->lat->n;
  if (!keeps_energy(m, perm, s->sign[g]))
    return err_set(e, ERR_DECK,
                   "draw.symmetry: element %d (%s) is no symmetry of model %s with these couplings and field", g,
                   s->sign[g] < 0 ? "global flip" : "lattice map", m->name);
  if (symmetry_place(s, g, m->lat->n, o->n, o->site, o->position)) return 0;
  return err_set(e, ERR_DECK, "draw.symmetry: element %d mixes drawn spins with those of the heat bath", g);
}

int symmetry_ising(symmetry **out, int word, const ising *m, const order *o, err *e) {
  const lattice *l = m->lat;
  int flips = groups[word].flips, halves = groups[word].halves, maps = groups[word].maps;
  if ((halves > 1 || maps > 1) && !l->rows)
    return err_set(e, ERR_DECK, "draw.symmetry: translations and rotations need a lattice with rows and columns");
  if (halves > 1 && (l->rows % 2 || l->cols % 2))
    return err_set(e, ERR_DECK, "draw.symmetry: half-lattice translations need even sides");
  if (maps > 1 && l->rows != l->cols) return err_set(e, ERR_DECK, "draw.symmetry: rotations need equal sides");
  symmetry *s = *out = symmetry_alloc(flips * halves * maps, l->n, o->n);
  if (!s) return err_set(e, ERR_RUN, "symmetries: out of memory");
  for (int g = 0; g < s->size; g++) {
    int d = g / flips % maps, half = g / flips / maps;
    s->sign[g] = g % flips ? -1 : 1;
    for (int i = 0; i < l->n; i++)
      s->site[(size_t)g * l->n + i] = l->rows ? image(l, d, half, i / l->cols, i % l->cols) : i;
    if (check_element(s, g, m, o, e)) return e->code;
  }
  return 0;
}
