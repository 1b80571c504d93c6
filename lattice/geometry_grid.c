/* geometry_grid.c: lattice_grid, lattice_grid_from: rows x cols sites, site = row*cols + col, torus or open. */
#include "lattice/geometry_grid.h"

#include <limits.h>

enum { SIDE_MAX = 16384 };

const deck_key lattice_grid_keys[] = {{"L", DECK_INT, offsetof(lattice_grid_conf, L), "~", 2, SIDE_MAX, .unit = "sites",
                                       .help = "side of an L x L lattice"},
                                      {"rows", DECK_INT, offsetof(lattice_grid_conf, rows), "~", 1, SIDE_MAX,
                                       .unit = "sites", .help = "rows, instead of L"},
                                      {"cols", DECK_INT, offsetof(lattice_grid_conf, cols), "~", 1, SIDE_MAX,
                                       .unit = "sites", .help = "columns, instead of L"},
                                      {"periodic", DECK_BOOL, offsetof(lattice_grid_conf, periodic), "true",
                                       .help = "torus (true) or open borders (false)"},
                                      {NULL}};

int lattice_grid(lattice **out, const char *name, long rows, long cols, bool periodic, bool diagonal, err *e) {
  *out = NULL;
  if (rows < 1 || cols < 1 || rows > SIDE_MAX || cols > SIDE_MAX)
    return err_set(e, ERR_DECK, "%ld x %ld sites: sides must be 1 to %d", rows, cols, SIDE_MAX);
  if (periodic && (rows < 3 || cols < 3))
    return err_set(e, ERR_DECK, "%ld x %ld sites, periodic: sides must be at least 3 (a side of 2 has double bonds)",
                   rows, cols);
  long down = periodic ? rows : rows - 1, right = periodic ? cols : cols - 1; /* rows, columns with such a bond */
  long nbonds = rows * right + down * cols + (diagonal ? down * right : 0);
  if (lattice_alloc(out, name, rows * cols, nbonds, e)) return e->code;
  lattice *l = *out;
  l->rows = (int)rows, l->cols = (int)cols, l->periodic = periodic;
  int(*b)[2] = l->bond;
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++) {
      int site = r * l->cols + c, below = (r + 1) % l->rows * l->cols, next = (c + 1) % l->cols;
      if (c < right) (*b)[0] = site, (*b++)[1] = r * l->cols + next;
      if (r < down) (*b)[0] = site, (*b++)[1] = below + c;
      if (diagonal && c < right && r < down) (*b)[0] = site, (*b++)[1] = below + next;
    }
  lattice_close(l);
  return 0;
}

int lattice_grid_from(lattice **out, const char *name, const lattice_grid_conf *c, bool diagonal, err *e) {
  bool L = c->L != LONG_MIN, rows = c->rows != LONG_MIN, cols = c->cols != LONG_MIN;
  if (L ? rows || cols : !rows || !cols) return err_set(e, ERR_DECK, "give either L or both rows and cols");
  return lattice_grid(out, name, L ? c->L : c->rows, L ? c->L : c->cols, c->periodic, diagonal, e);
}
