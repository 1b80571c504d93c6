/* eit_element.c: eit_element_stiffness, eit_element_contact.
 *
 * Quadrature on the (curved) element: x = sum_i x_i phi_i. Triangles of degree 2: Dunavant's rule of degree 5 with 7
 * points (Int. J. Numer. Meth. Eng. 21 (1985) 1129); edges: 3 points of Gauss; triangular faces: 3 points, degree 2. */
#include "signals/eit_element.h"

#include <math.h>
#include <string.h>

enum { NODES = 6 };

static const double dunavant[7][4] = {
    /* barycentric coordinates, weight */
    {1. / 3, 1. / 3, 1. / 3, .225},
    {.059715871789769820, .470142064105115090, .470142064105115090, .132394152788506181},
    {.470142064105115090, .059715871789769820, .470142064105115090, .132394152788506181},
    {.470142064105115090, .470142064105115090, .059715871789769820, .132394152788506181},
    {.797426985353087322, .101286507323456339, .101286507323456339, .125939180544827153},
    {.101286507323456339, .797426985353087322, .101286507323456339, .125939180544827153},
    {.101286507323456339, .101286507323456339, .797426985353087322, .125939180544827153},
};

/* Derivatives of the shape functions by the barycentric coordinates 1..dim (0 is what is left). */
static int derivatives(const eit_mesh *m, const double *l, double d[NODES][3]) {
  int corners = m->dim + 1;
  memset(d, 0, NODES * sizeof *d);
  if (m->order == 1) {
    for (int k = 0; k < m->dim; k++) d[0][k] = -1, d[k + 1][k] = 1;
    return corners;
  }
  for (int k = 0; k < 2; k++) {
    double g[3] = {-1, k == 0, k == 1};
    for (int i = 0; i < 3; i++) {
      int j = (i + 1) % 3;
      d[i][k] = (4 * l[i] - 1) * g[i];
      d[3 + i][k] = 4 * (g[i] * l[j] + l[i] * g[j]);
    }
  }
  return NODES;
}

static double invert(int n, double a[3][3], double b[3][3]) { /* b = a^-1; the determinant */
  if (n == 2) {
    double det = a[0][0] * a[1][1] - a[0][1] * a[1][0];
    b[0][0] = a[1][1] / det, b[0][1] = -a[0][1] / det, b[1][0] = -a[1][0] / det, b[1][1] = a[0][0] / det;
    return det;
  }
  double det = 0;
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++) {
      int p = (j + 1) % 3, q = (j + 2) % 3, r = (i + 1) % 3, s = (i + 2) % 3;
      b[i][j] = a[p][r] * a[q][s] - a[p][s] * a[q][r];
    }
  for (int j = 0; j < 3; j++) det += a[0][j] * b[j][0];
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++) b[i][j] /= det;
  return det;
}

/* Adds one point of quadrature; weight is a fraction of the reference element. */
static int add_point(const eit_mesh *m, const int *v, const double *l, double weight, double *k) {
  double d[NODES][3], a[3][3] = {{0}}, b[3][3], g[NODES][3];
  int n = derivatives(m, l, d), dim = m->dim;
  for (int c = 0; c < dim; c++)
    for (int x = 0; x < dim; x++)
      for (int i = 0; i < n; i++) a[c][x] += d[i][c] * m->x[(long)v[i] * dim + x];
  double det = invert(dim, a, b), w = weight * det / (dim == 2 ? 2 : 6);
  if (!(det > 0)) return -1;
  for (int i = 0; i < n; i++)
    for (int x = 0; x < dim; x++) {
      g[i][x] = 0;
      for (int c = 0; c < dim; c++) g[i][x] += b[x][c] * d[i][c];
    }
  for (int i = 0; i < n; i++)
    for (int j = 0; j <= i; j++)
      for (int x = 0; x < dim; x++) k[i * (i + 1) / 2 + j] += w * g[i][x] * g[j][x];
  return 0;
}

int eit_element_stiffness(const eit_mesh *m, int element, double *k) {
  const int *v = m->elem + (long)element * m->elem_size;
  int n = m->elem_size, rc = 0;
  memset(k, 0, (size_t)(n * (n + 1) / 2) * sizeof *k);
  if (m->order == 1) return add_point(m, v, NULL, 1, k);
  for (int q = 0; q < 7; q++) rc |= add_point(m, v, dunavant[q], dunavant[q][3], k);
  return rc;
}

static void add_contact(int n, const double *w, double weight, double *k) {
  for (int i = 0; i <= n; i++)
    for (int j = 0; j <= i; j++) k[i * (i + 1) / 2 + j] += weight * (i < n ? w[i] : -1) * (j < n ? w[j] : -1);
}

static void edge_contact(const eit_mesh *m, const int *v, double *k) {
  static const double at[3] = {-.774596669241483377, 0, .774596669241483377}, weight[3] = {5. / 9, 8. / 9, 5. / 9};
  int n = m->face_size;
  for (int q = 0; q < 3; q++) {
    double s = at[q], w[3] = {(1 - s) / 2, (1 + s) / 2, 0}, d[3] = {-.5, .5, 0}, t[2] = {0};
    if (n == 3) {
      memcpy(w, (double[3]){s * (s - 1) / 2, s * (s + 1) / 2, 1 - s * s}, sizeof w);
      memcpy(d, (double[3]){s - .5, s + .5, -2 * s}, sizeof d);
    }
    for (int i = 0; i < n; i++)
      for (int x = 0; x < 2; x++) t[x] += d[i] * m->x[2 * (long)v[i] + x];
    add_contact(n, w, weight[q] * hypot(t[0], t[1]), k);
  }
}

static void triangle_contact(const eit_mesh *m, const int *v, double *k) {
  double p[2][3], c[3];
  for (int i = 0; i < 2; i++)
    for (int x = 0; x < 3; x++) p[i][x] = m->x[3 * (long)v[i + 1] + x] - m->x[3 * (long)v[0] + x];
  for (int x = 0; x < 3; x++) {
    int y = (x + 1) % 3, z = (x + 2) % 3;
    c[x] = p[0][y] * p[1][z] - p[0][z] * p[1][y];
  }
  double area = sqrt(c[0] * c[0] + c[1] * c[1] + c[2] * c[2]) / 2;
  for (int q = 0; q < 3; q++) {
    double w[3] = {1. / 6, 1. / 6, 1. / 6};
    w[q] = 2. / 3;
    add_contact(3, w, area / 3, k);
  }
}

void eit_element_contact(const eit_mesh *m, int face, double *k) {
  const int *v = m->face + (long)face * m->face_size;
  int n = m->face_size + 1;
  memset(k, 0, (size_t)(n * (n + 1) / 2) * sizeof *k);
  if (m->dim == 2)
    edge_contact(m, v, k);
  else
    triangle_contact(m, v, k);
}
