/* exact.c: exact_any and exact_infinite_any, the choice among the exact solutions, and what they share: exact_unknown, exact_thermal. */
#include "lattice/exact.h"

#include <math.h>
#include <string.h>

exact_ising exact_unknown(void) {
  return (exact_ising){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
}

void exact_thermal(exact_ising *x, double n, double beta, double lnZ, double d1, double d2) {
  x->lnZ = lnZ;
  x->f = -lnZ / (beta * n);
  x->e = -d1 / n;
  x->c = beta * beta * d2 / n;
  x->s = (lnZ - beta * d1) / n;
}

static bool is_torus(const ising *m) {
  return m->lat->rows && m->lat->periodic && m->uniform != 0;
}

static bool is_onsager(const ising *m) {
  return m->lat->rows && m->uniform != 0 && !m->h && !strcmp(m->lat->name, "square");
}

static bool kaufman_applies(const ising *m) {
  const lattice *l = m->lat;
  return is_torus(m) && is_onsager(m) && (m->uniform > 0 || (l->rows % 2 == 0 && l->cols % 2 == 0));
}

static bool transfer_applies(const ising *m, double beta) {
  const lattice *l = m->lat;
  if (!is_torus(m) || (l->rows > 14 && l->cols > 14)) return false;
  for (int i = 0; m->h && i < l->n; i++)
    if (m->h[i] != m->h[0]) return false;
  return beta * (fabs(m->uniform) + (m->h ? fabs(m->h[0]) : 0)) <= 20;
}

int exact_any(exact_ising *x, const char **method, const ising *m, double beta, err *e) {
  *x = exact_unknown();
  *method = NULL;
  if (m->lat->n <= 24) return *method = "enumeration", exact_enumerate(x, m, beta, e);
  if (kaufman_applies(m)) return *method = "Kaufman", exact_kaufman(x, m->lat->rows, m->lat->cols, m->uniform, beta, e);
  if (transfer_applies(m, beta)) return *method = "transfer matrix", exact_transfer(x, m, beta, e);
  return 0;
}

int exact_infinite_any(exact_ising *x, const ising *m, double beta, err *e) {
  *x = exact_unknown();
  return is_onsager(m) ? exact_square_infinite(x, m->uniform, beta, e) : 0;
}
