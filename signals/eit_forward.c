/* eit_forward.c: eit_forward_new ... eit_forward_jacobian.
 *
 *   div(sigma grad u) = 0,  u + z_l sigma du/dn = U_l on electrode l,  int_l sigma du/dn = I_l,  else sigma du/dn = 0
 *
 * (complete electrode model: Somersalo, Cheney, Isaacson, SIAM J. Appl. Math. 52 (1992) 1023), in the weak form
 *
 *   int sigma grad u grad v + sum_l 1/z_l int_l (u - U_l)(v - V_l) = sum_l I_l V_l.
 *
 * One unknown is grounded, which makes the system definite; voltages are re-centred. Derivatives by adjoint fields: for
 * a drive d and a measurement m (driven as if it were a current),
 *
 *   dV_dm/dsigma_e = - int_e grad u_d grad u_m,      dV_dm/dz_l = z_l^-2 int_l (u_d - U_d)(u_m - U_m). */
#include "signals/eit_forward.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "signals/eit_element.h"
#include "signals/sparse.h"

struct eit_forward {
  const eit_mesh *m;
  const eit_protocol *p;
  eit_electrode_model model;
  sparse *s;
  double *value; /* of the matrix */
  long nvalues;
  int n;                         /* unknowns; row n of all fields is the ground */
  int nk, nc;                    /* numbers in the matrix of an element, of a face */
  int *node_row, *electrode_row; /* (nnodes), (nelectrodes): rows of the fields */
  int *elem_row, *face_row;      /* (nelems, elem_size), (nfaces, face_size + 1) */
  double *stiffness, *contact;   /* (nelems, nk), (nfaces, nc) */
  double *tied;                  /* stiffness as it is assembled; the same array unless nodes share an unknown */
  int *elem_slot, *face_slot;    /* where they are added */
  int *port, *port_row;          /* electrode l: rows port_row[port[l]..port[l+1]-1] with weights */
  double *port_weight;
  double *z;       /* (nelectrodes) of the last solve */
  double *u;       /* (n + 1, ndrives): fields of the drives */
  double *adjoint; /* (n + 1, nvectors), NULL if all vectors are drives */
  double *work;    /* of one element: gathered, multiplied, products */
  int *pick;       /* (ndata): drive * nvectors + meas */
  int adjoint_valid;
};

void eit_forward_free(eit_forward *f) {
  if (!f) return;
  sparse_free(f->s);
  if (f->tied != f->stiffness) free(f->tied);
  free(f->node_row), free(f->electrode_row), free(f->elem_row), free(f->face_row), free(f->stiffness), free(f->contact);
  free(f->elem_slot), free(f->face_slot), free(f->port), free(f->port_row), free(f->port_weight), free(f->z),
      free(f->u);
  free(f->adjoint), free(f->work), free(f->pick);
  free(f);
}

static void *room(size_t n, size_t size) {
  return calloc(n + 1, size);
}

static int allocate(eit_forward *f, err *e) {
  size_t L = (size_t)f->m->nelectrodes, ne = (size_t)f->m->nelems, nf = (size_t)f->m->nfaces;
  size_t es = (size_t)f->m->elem_size, fs = (size_t)f->m->face_size + 1, nv = (size_t)f->p->nvectors;
  f->nk = (int)(es * (es + 1) / 2), f->nc = (int)(fs * (fs + 1) / 2);
  f->node_row = room((size_t)f->m->nnodes, sizeof(int)), f->electrode_row = room(L, sizeof(int));
  f->elem_row = room(ne * es, sizeof(int)), f->face_row = room(nf * fs, sizeof(int));
  f->stiffness = room(ne * (size_t)f->nk, sizeof(double)), f->contact = room(nf * (size_t)f->nc, sizeof(double));
  f->tied = f->stiffness;
  f->port = room(L + 1, sizeof(int)), f->port_row = room(L + nf * fs, sizeof(int));
  f->port_weight = room(L + nf * fs, sizeof(double)), f->z = room(L, sizeof(double));
  f->work = room(2 * es * nv + nv * nv, sizeof(double)), f->pick = room((size_t)f->p->ndata, sizeof(int));
  if (f->node_row && f->electrode_row && f->elem_row && f->face_row && f->stiffness && f->contact && f->port &&
      f->port_row && f->port_weight && f->z && f->work && f->pick)
    return 0;
  return err_set(e, ERR_RUN, "forward model: no memory for %d elements", f->m->nelems);
}

static int matrices(eit_forward *f, err *e) {
  for (int k = 0; k < f->m->nelems; k++)
    if (eit_element_stiffness(f->m, k, f->stiffness + (long)k * f->nk))
      return err_set(e, ERR_RUN, "forward model: element %d of the mesh is turned inside out or has no size", k + 1);
  for (int k = 0; k < f->m->nfaces; k++) eit_element_contact(f->m, k, f->contact + (long)k * f->nc);
  return 0;
}

/* ---- unknowns ---- */

/* The node nearest to the middle of the faces of electrode l. */
static int middle_node(const eit_mesh *m, int l) {
  double c[3] = {0}, best = INFINITY;
  int count = 0, node = 0, corners = m->dim;
  for (int k = 0; k < m->nfaces; k++)
    for (int i = 0; i < corners && m->face_electrode[k] == l; i++, count++)
      for (int x = 0; x < m->dim; x++) c[x] += m->x[(long)m->face[(long)k * m->face_size + i] * m->dim + x];
  for (int k = 0; k < m->nfaces; k++)
    for (int i = 0; i < corners && m->face_electrode[k] == l; i++) {
      int v = m->face[(long)k * m->face_size + i];
      double d = 0;
      for (int x = 0; x < m->dim; x++) d += pow(m->x[(long)v * m->dim + x] - c[x] / count, 2);
      if (d < best) best = d, node = v;
    }
  return node;
}

/* Numbers the unknowns: nodes, with electrodes of their own in the complete model, instead of their nodes in the shunt
 * model; -1 is the ground. */
static void number(eit_forward *f) {
  const eit_mesh *m = f->m;
  int L = m->nelectrodes;
  for (int i = 0; i < m->nnodes; i++) f->node_row[i] = 0;
  if (f->model == EIT_SHUNT)
    for (int k = 0; k < m->nfaces; k++)
      for (int i = 0; i < m->face_size; i++)
        f->node_row[m->face[(long)k * m->face_size + i]] = -2 - m->face_electrode[k];
  for (int l = 0; l < L; l++) f->electrode_row[l] = -1;
  for (int i = 0; i < m->nnodes; i++) f->node_row[i] = f->node_row[i] == 0 ? f->n++ : f->node_row[i];
  if (f->model == EIT_COMPLETE || f->model == EIT_SHUNT) {
    for (int l = 0; l + 1 < L; l++) f->electrode_row[l] = f->n++;
  } else {
    f->node_row[m->nnodes - 1] = -1;
    f->n--;
  }
  for (int i = 0; i < m->nnodes; i++)
    if (f->node_row[i] < -1) f->node_row[i] = f->electrode_row[-2 - f->node_row[i]];
}

static void rows(eit_forward *f) {
  int es = f->m->elem_size, fs = f->m->face_size;
  for (long i = 0; i < (long)f->m->nelems * es; i++) f->elem_row[i] = f->node_row[f->m->elem[i]];
  for (int k = 0; k < f->m->nfaces; k++) {
    int *r = f->face_row + (long)k * (fs + 1);
    for (int i = 0; i < fs; i++) r[i] = f->node_row[f->m->face[(long)k * fs + i]];
    r[fs] = f->electrode_row[f->m->face_electrode[k]];
  }
}

/* Nodes that share an unknown: their mutual element counts twice in the sum. */
static int tie(eit_forward *f, err *e) {
  int es = f->m->elem_size;
  if (f->model != EIT_SHUNT) return 0;
  f->tied = room((size_t)f->m->nelems * (size_t)f->nk, sizeof(double));
  if (!f->tied) return err_set(e, ERR_RUN, "forward model: no memory for %d elements", f->m->nelems);
  for (int k = 0; k < f->m->nelems; k++) {
    const int *r = f->elem_row + (long)k * es;
    for (int i = 0, q = 0; i < es; i++)
      for (int j = 0; j <= i; j++, q++)
        f->tied[(long)k * f->nk + q] = f->stiffness[(long)k * f->nk + q] * (i != j && r[i] == r[j] ? 2 : 1);
  }
  return 0;
}

static long pairs_of(int count, int size, const int *row, int (*pair)[2]) {
  long n = 0;
  for (int k = 0; k < count; k++)
    for (int i = 0; i < size; i++)
      for (int j = 0; j <= i; j++, n++) {
        pair[n][0] = row[(long)k * size + i];
        pair[n][1] = row[(long)k * size + j];
      }
  return n;
}

static void reorder(int n, const int *order, int ground, int *row) {
  for (int i = 0; i < n; i++) row[i] = row[i] < 0 ? ground : order[row[i]];
}

static int analyse(eit_forward *f, err *e) {
  long ne = (long)f->m->nelems * f->nk, nf = f->model == EIT_COMPLETE ? (long)f->m->nfaces * f->nc : 0;
  int(*pair)[2] = malloc((size_t)(ne + nf + 1) * sizeof *pair), es = f->m->elem_size, fs = f->m->face_size + 1;
  f->elem_slot = room((size_t)(ne + nf), sizeof(int));
  if (!pair || !f->elem_slot) {
    free(pair);
    return err_set(e, ERR_RUN, "forward model: no memory for %d elements", f->m->nelems);
  }
  pairs_of(f->m->nelems, es, f->elem_row, pair);
  if (nf) pairs_of(f->m->nfaces, fs, f->face_row, pair + ne);
  int rc = sparse_new(&f->s, f->n, ne + nf, (const int(*)[2])pair, f->elem_slot, e);
  free(pair);
  if (rc) return rc;
  f->face_slot = room((size_t)nf, sizeof(int));
  if (!f->face_slot) return err_set(e, ERR_RUN, "forward model: no memory for %d faces", f->m->nfaces);
  memcpy(f->face_slot, f->elem_slot + ne, (size_t)nf * sizeof(int));
  f->value = sparse_values(f->s, &f->nvalues);
  const int *order = sparse_order(f->s);
  reorder(f->m->nnodes, order, f->n, f->node_row);
  reorder(f->m->nelectrodes, order, f->n, f->electrode_row);
  reorder(f->m->nelems * es, order, f->n, f->elem_row);
  reorder(f->m->nfaces * fs, order, f->n, f->face_row);
  return 0;
}

/* ---- how electrodes touch the unknowns ---- */

static void gap_port(eit_forward *f, int l, int *at) {
  int fs = f->m->face_size, from = *at;
  double length = 0;
  for (int k = 0; k < f->m->nfaces; k++) {
    if (f->m->face_electrode[k] != l) continue;
    const double *last = f->contact + (long)k * f->nc + fs * (fs + 1) / 2;
    length += last[fs];
    for (int i = 0; i < fs; i++, ++*at) {
      f->port_row[*at] = f->face_row[(long)k * (fs + 1) + i];
      f->port_weight[*at] = -last[i];
    }
  }
  for (int i = from; i < *at; i++) f->port_weight[i] /= length;
}

static void ports(eit_forward *f) {
  int at = 0;
  for (int l = 0; l < f->m->nelectrodes; l++) {
    f->port[l] = at;
    if (f->model == EIT_GAP) {
      gap_port(f, l, &at);
    } else {
      f->port_weight[at] = 1;
      f->port_row[at++] = f->model == EIT_POINT ? f->node_row[middle_node(f->m, l)] : f->electrode_row[l];
    }
  }
  f->port[f->m->nelectrodes] = at;
}

static int check(const eit_mesh *m, const eit_protocol *p, err *e) {
  if (m->nelectrodes != p->nelectrodes)
    return err_set(e, ERR_RUN, "forward model: %d electrodes on the mesh, %d in the protocol", m->nelectrodes,
                   p->nelectrodes);
  for (int l = 0; l < m->nelectrodes; l++) {
    int found = 0;
    for (int k = 0; k < m->nfaces; k++) found |= m->face_electrode[k] == l;
    if (!found) return err_set(e, ERR_RUN, "forward model: electrode %d has no faces", l + 1);
  }
  return 0;
}

int eit_forward_new(eit_forward **out, const eit_mesh *m, const eit_protocol *p, eit_electrode_model model, err *e) {
  *out = NULL;
  if (check(m, p, e)) return e->code;
  eit_forward *f = calloc(1, sizeof *f);
  if (!f) return err_set(e, ERR_RUN, "forward model: no memory");
  f->m = m, f->p = p, f->model = model;
  int rc = allocate(f, e);
  if (!rc) rc = matrices(f, e);
  if (!rc) number(f), rows(f);
  if (!rc) rc = tie(f, e);
  if (!rc) rc = analyse(f, e);
  if (!rc) {
    ports(f);
    for (int i = 0; i < p->ndata; i++) f->pick[i] = p->drive[i] * p->nvectors + p->meas[i];
    f->u = room((size_t)(f->n + 1) * (size_t)p->ndrives, sizeof(double));
    if (p->nvectors > p->ndrives) f->adjoint = room((size_t)(f->n + 1) * (size_t)p->nvectors, sizeof(double));
    if (!f->u || (p->nvectors > p->ndrives && !f->adjoint)) rc = err_set(e, ERR_RUN, "forward model: no memory");
  }
  if (rc)
    eit_forward_free(f);
  else
    *out = f;
  return rc;
}

/* ---- solving ---- */

static int assemble(eit_forward *f, const double *sigma, const double *z, err *e) {
  memset(f->value, 0, (size_t)f->nvalues * sizeof *f->value);
  for (int k = 0; k < f->m->nelems; k++) {
    const double *a = f->tied + (long)k * f->nk, s = sigma[k];
    const int *slot = f->elem_slot + (long)k * f->nk;
    if (!(s > 0 && s < INFINITY)) return err_set(e, ERR_RUN, "forward model: conductivity %g of element %d", s, k + 1);
    for (int i = 0; i < f->nk; i++) f->value[slot[i]] += s * a[i];
  }
  if (f->model != EIT_COMPLETE) return 0;
  for (int l = 0; l < f->m->nelectrodes; l++)
    if (!z || !(z[l] > 0 && z[l] < INFINITY))
      return err_set(e, ERR_RUN, "forward model: contact impedance %g of electrode %d", z ? z[l] : NAN, l + 1);
  memcpy(f->z, z, (size_t)f->m->nelectrodes * sizeof *z);
  for (int k = 0; k < f->m->nfaces; k++) {
    double y = 1 / z[f->m->face_electrode[k]];
    for (int i = 0; i < f->nc; i++) f->value[f->face_slot[(long)k * f->nc + i]] += y * f->contact[(long)k * f->nc + i];
  }
  return 0;
}

/* Fields x (n + 1, count) of the first vectors of the protocol, of unit scale. */
static void fields(const eit_forward *f, int count, double *x) {
  int L = f->m->nelectrodes;
  memset(x, 0, (size_t)(f->n + 1) * (size_t)count * sizeof *x);
  for (int v = 0; v < count; v++)
    for (int l = 0; l < L; l++)
      for (int i = f->port[l]; i < f->port[l + 1]; i++)
        x[(long)f->port_row[i] * count + v] += f->port_weight[i] * f->p->vector[(long)v * L + l];
  memset(x + (long)f->n * count, 0, (size_t)count * sizeof *x);
  sparse_solve(f->s, count, x);
}

/* Potential of electrode l in field v of x (n + 1, count). */
static double electrode(const eit_forward *f, const double *x, int count, int v, int l) {
  double U = 0;
  for (int i = f->port[l]; i < f->port[l + 1]; i++) U += f->port_weight[i] * x[(long)f->port_row[i] * count + v];
  return U;
}

int eit_forward_solve(eit_forward *f, const double *sigma, const double *z, double *v, err *e) {
  int L = f->m->nelectrodes, nd = f->p->ndrives;
  if (assemble(f, sigma, z, e) || sparse_factor(f->s, e)) return e->code;
  fields(f, nd, f->u);
  f->adjoint_valid = 0;
  if (!v) return 0;
  memset(v, 0, (size_t)f->p->ndata * sizeof *v);
  for (int l = 0; l < L; l++) {
    for (int d = 0; d < nd; d++) f->work[d] = electrode(f, f->u, nd, d, l) * f->p->scale;
    for (int i = 0; i < f->p->ndata; i++) v[i] += f->p->vector[(long)f->p->meas[i] * L + l] * f->work[f->p->drive[i]];
  }
  return 0;
}

static double gauge(const eit_forward *f, int drive) {
  double mean = 0;
  int L = f->m->nelectrodes;
  for (int l = 0; l < L; l++) mean += electrode(f, f->u, f->p->ndrives, drive, l) / L;
  return mean;
}

void eit_forward_electrodes(const eit_forward *f, int drive, double *U) {
  double mean = gauge(f, drive);
  for (int l = 0; l < f->m->nelectrodes; l++) U[l] = f->p->scale * (electrode(f, f->u, f->p->ndrives, drive, l) - mean);
}

void eit_forward_nodes(const eit_forward *f, int drive, double *u) {
  double mean = gauge(f, drive);
  for (int i = 0; i < f->m->nnodes; i++)
    u[i] = f->p->scale * (f->u[(long)f->node_row[i] * f->p->ndrives + drive] - mean);
}

void eit_forward_currents(const eit_forward *f, int drive, double *current) {
  int fs = f->m->face_size;
  memset(current, 0, (size_t)f->m->nelectrodes * sizeof *current);
  for (int k = 0; k < f->m->nfaces && f->model == EIT_COMPLETE; k++) {
    const double *last = f->contact + (long)k * f->nc + fs * (fs + 1) / 2;
    int l = f->m->face_electrode[k];
    for (int i = 0; i <= fs; i++)
      current[l] +=
          f->p->scale / f->z[l] * last[i] * f->u[(long)f->face_row[(long)k * (fs + 1) + i] * f->p->ndrives + drive];
  }
}

long eit_forward_fill(const eit_forward *f) {
  return sparse_fill(f->s);
}

/* ---- derivatives ---- */

/* out[v][w] = g_v^T A g_w for v < nd, w < nv: A symmetric of size n (lower half), rows of the fields x (., nv). */
static inline __attribute__((always_inline)) void products_of(int n, int nd, int nv, const double *a, const int *row,
                                                              const double *x, double *restrict t,
                                                              double *restrict out) {
  for (int i = 0; i < n; i++)
    for (int w = 0; w < nv; w++) t[i * nv + w] = 0;
  for (int i = 0, q = 0; i < n; i++)
    for (int j = 0; j <= i; j++, q++) {
      const double *xi = x + (long)row[i] * nv, *xj = x + (long)row[j] * nv, s = a[q];
      for (int w = 0; w < nv; w++) t[i * nv + w] += s * xj[w];
      for (int w = 0; w < nv && j < i; w++) t[j * nv + w] += s * xi[w];
    }
  for (int v = 0; v < nd; v++) {
    double *restrict o = out + (long)v * nv;
    for (int w = 0; w < nv; w++) o[w] = 0;
    for (int i = 0; i < n; i++) {
      double s = x[(long)row[i] * nv + v];
      for (int w = 0; w < nv; w++) o[w] += s * t[i * nv + w];
    }
  }
}

static void products(const eit_forward *f, int n, const double *a, const int *row, const double *x, double *t,
                     double *out) {
  if (n == 3 && f->p->nvectors == 16 && f->p->ndrives == 16)
    products_of(3, 16, 16, a, row, x, t, out);
  else
    products_of(n, f->p->ndrives, f->p->nvectors, a, row, x, t, out);
}

int eit_forward_jacobian(eit_forward *f, double *jt, double *jz, err *e) {
  int nv = f->p->nvectors, es = f->m->elem_size, fs = f->m->face_size + 1, ndata = f->p->ndata;
  const double *x = f->adjoint ? f->adjoint : f->u;
  double *t = f->work, *out = t + (long)(es > fs ? es : fs) * nv;
  if (jz && f->model != EIT_COMPLETE) return err_set(e, ERR_RUN, "forward model: no contact impedance in this model");
  if (f->adjoint && !f->adjoint_valid) fields(f, nv, f->adjoint);
  f->adjoint_valid = 1;
  for (int k = 0; k < f->m->nelems; k++) {
    products(f, es, f->stiffness + (long)k * f->nk, f->elem_row + (long)k * es, x, t, out);
    double *restrict row = jt + (long)k * ndata;
    for (int i = 0; i < ndata; i++) row[i] = -f->p->scale * out[f->pick[i]];
  }
  if (jz) memset(jz, 0, (size_t)f->m->nelectrodes * (size_t)ndata * sizeof *jz);
  for (int k = 0; k < f->m->nfaces && jz; k++) {
    int l = f->m->face_electrode[k];
    products(f, fs, f->contact + (long)k * f->nc, f->face_row + (long)k * fs, x, t, out);
    for (int i = 0; i < ndata; i++) jz[(long)l * ndata + i] += f->p->scale / (f->z[l] * f->z[l]) * out[f->pick[i]];
  }
  return 0;
}
