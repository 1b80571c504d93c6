/* geometry_triangular.c: lattice_triangular: the square lattice with one diagonal, (row, col) to (row+1, col+1): 3n
 * bonds on a torus, degree 6. */
#include "lattice/geometry_grid.h"

int lattice_triangular(lattice **out, int rows, int cols, bool periodic, err *e) {
  return lattice_grid(out, "triangular", rows, cols, periodic, true, e);
}

static int build(lattice **out, const void *conf, err *e) {
  return lattice_grid_from(out, "triangular", conf, true, e);
}

const lattice_geometry lattice_geometry_triangular = {
    {"triangular", "triangular lattice (square plus one diagonal), torus or open", lattice_grid_keys},
    build,
    sizeof(lattice_grid_conf)};
