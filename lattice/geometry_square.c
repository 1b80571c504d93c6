/* geometry_square.c: lattice_square: sites bound to the right and down, 2n bonds on a torus. */
#include "lattice/geometry_grid.h"

int lattice_square(lattice **out, int rows, int cols, bool periodic, err *e) {
  return lattice_grid(out, "square", rows, cols, periodic, false, e);
}

static int build(lattice **out, const void *conf, err *e) {
  return lattice_grid_from(out, "square", conf, false, e);
}

const lattice_geometry lattice_geometry_square = {
    {"square", "square lattice, torus or open", lattice_grid_keys}, build, sizeof(lattice_grid_conf)};
