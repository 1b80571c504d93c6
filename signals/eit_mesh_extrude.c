/* eit_mesh_extrude.c: eit_mesh_extrude.
 *
 * Each triangle and layer is a prism, cut into three tetrahedra: on every quadrilateral the diagonal starts at the
 * lower of the two smaller node numbers, so that neighbours agree. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "signals/eit_grade.h"
#include "signals/eit_mesh.h"

typedef struct levels {
  int n; /* points */
  double *z;
} levels;

/* Appends (from, to], graded at the ends that are marked. */
static int append(levels *l, double from, double to, int low, int high, double h, double h_edge, err *e) {
  eit_grade g;
  int rc = low && high   ? eit_grade_both(&g, to - from, h_edge, 1.5, h, e)
           : low || high ? eit_grade_one(&g, to - from, h_edge, 1.5, h, e)
                         : eit_grade_one(&g, to - from, h, 1.5, h, e);
  if (rc) return rc;
  double *z = realloc(l->z, (size_t)(l->n + g.n) * sizeof *z);
  if (z) {
    l->z = z;
    for (int i = 1; i <= g.n; i++) z[l->n++] = from + (to - from) * (low || !high ? g.t[i] : 1 - g.t[g.n - i]);
  }
  eit_grade_free(&g);
  return z ? 0 : err_set(e, ERR_RUN, "mesh: no memory for the levels");
}

static int levels_of(levels *l, double height, double z0, double z1, double h, double h_edge, err *e) {
  int below = z0 > 0, above = z1 < height;
  *l = (levels){1, calloc(1, sizeof *l->z)};
  if (!l->z) return err_set(e, ERR_RUN, "mesh: no memory for the levels");
  if (below && append(l, 0, z0, 0, 1, h, h_edge, e)) return e->code;
  if (append(l, z0, z1, below, above, h, h_edge, e)) return e->code;
  if (above && append(l, z1, height, 1, 0, h, h_edge, e)) return e->code;
  l->z[l->n - 1] = height;
  return 0;
}

static void sort3(int v[3]) {
  for (int i = 0; i < 3; i++)
    for (int j = i; j && v[j] < v[j - 1]; j--) {
      int t = v[j];
      v[j] = v[j - 1], v[j - 1] = t;
    }
}

static double volume(const double *x, const int *v) {
  double d[3][3];
  for (int i = 0; i < 3; i++)
    for (int k = 0; k < 3; k++) d[i][k] = x[3 * (long)v[i + 1] + k] - x[3 * (long)v[0] + k];
  return d[0][0] * (d[1][1] * d[2][2] - d[1][2] * d[2][1]) - d[0][1] * (d[1][0] * d[2][2] - d[1][2] * d[2][0]) +
         d[0][2] * (d[1][0] * d[2][1] - d[1][1] * d[2][0]);
}

static void cut_prism(eit_mesh *m, const int triangle[3], int lower, int layer, int *out) {
  int v[3] = {triangle[0], triangle[1], triangle[2]};
  sort3(v);
  int a = v[0] + lower, b = v[1] + lower, c = v[2] + lower;
  int t[3][4] = {{a, b, c, c + layer}, {a, b, b + layer, c + layer}, {a, a + layer, b + layer, c + layer}};
  for (int i = 0; i < 3; i++) {
    if (volume(m->x, t[i]) < 0) {
      int s = t[i][2];
      t[i][2] = t[i][3], t[i][3] = s;
    }
    memcpy(out + 4 * i, t[i], sizeof t[i]);
  }
}

static void fill(eit_mesh *m, const eit_mesh *flat, const levels *l, double z0, double z1) {
  int n = flat->nnodes, at = 0;
  for (int k = 0; k < l->n; k++)
    for (int i = 0; i < n; i++) {
      double *x = m->x + 3 * ((long)k * n + i);
      x[0] = flat->x[2 * i], x[1] = flat->x[2 * i + 1], x[2] = l->z[k];
    }
  for (int k = 0; k + 1 < l->n; k++) {
    for (int i = 0; i < flat->nelems; i++) {
      long out = (long)k * flat->nelems + i;
      cut_prism(m, flat->elem + 3 * (long)i, k * n, n, m->elem + 12 * out);
      for (int j = 0; j < 3; j++) m->region[3 * out + j] = flat->region[i];
    }
    double z = (l->z[k] + l->z[k + 1]) / 2;
    if (z < z0 || z > z1) continue;
    for (int i = 0; i < flat->nfaces; i++) {
      int p = flat->face[2 * i], q = flat->face[2 * i + 1], a = (p < q ? p : q) + k * n, b = (p < q ? q : p) + k * n;
      int f[6] = {a, b, b + n, a, b + n, a + n};
      memcpy(m->face + 3 * (long)at, f, sizeof f);
      m->face_electrode[at] = m->face_electrode[at + 1] = flat->face_electrode[i];
      at += 2;
    }
  }
  m->nfaces = at;
}

int eit_mesh_extrude(eit_mesh **m, const eit_mesh *flat, double height, double z0, double z1, double h, double h_edge,
                     err *e) {
  levels l = {0};
  *m = NULL;
  if (flat->dim != 2 || flat->order != 1)
    return err_set(e, ERR_RUN, "mesh: only plane meshes of degree 1 are extruded");
  if (!(0 <= z0 && z0 < z1 && z1 <= height && h > 0 && h_edge > 0 && h_edge <= h))
    return err_set(e, ERR_RUN, "mesh: 0 <= z0 = %g < z1 = %g <= height = %g and 0 < h_edge = %g <= h = %g", z0, z1,
                   height, h_edge, h);
  if (!levels_of(&l, height, z0, z1, h, h_edge, e)) {
    if ((double)l.n * flat->nnodes > 2e8 || (double)l.n * flat->nelems > 2e8)
      err_set(e, ERR_RUN, "mesh: %d levels of %d nodes are too many", l.n, flat->nnodes);
    else
      *m = eit_mesh_room(3, 1, l.n * flat->nnodes, 3 * (l.n - 1) * flat->nelems, 2 * (l.n - 1) * flat->nfaces,
                         flat->nelectrodes, e);
    if (*m) fill(*m, flat, &l, z0, z1);
  }
  free(l.z);
  return *m ? 0 : e->code;
}
