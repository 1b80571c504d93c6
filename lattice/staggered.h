/* staggered.h: one-component staggered fermions with a Yukawa coupling to a scalar field (lattice/scalar.h), real:
 *   D = K + diag(m_n),  m_n = M + g phi_n,   (K v)_n = 1/2 sum_mu eta_mu(n) (v_{n+mu} - v_{n-mu}),
 *   eta_0 = 1, eta_k = (-1)^(n_0 + ... + n_{k-1}),  antiperiodic in direction 0 (time), periodic else.
 * K is antisymmetric and joins even sites to odd ones. With N_f even the weight is |det D|^N_f.
 *
 * Half fields hold the sites of one parity, (planes, rows, row/2), with room for two planes beyond. Where all m_n have
 * one sign and none is near zero, the Schur complement of the even sites
 *   S_e = m_e - K_eo m_o^-1 K_oe,   det D = (prod m_o) det S_e,
 * is symmetric and definite: conjugate gradients on half the sites instead of on D D^T.
 * Functions are local where all planes are here, else collective. */
#ifndef LATTICE_STAGGERED_H
#define LATTICE_STAGGERED_H

#include "lattice/scalar.h"

typedef struct staggered { /* the operator for one scalar field, and room to solve with it */
  const scalar_grid *g;    /* not owned; even sides                                        */
  double mass, coupling;   /* M, g                                                         */
  double *m;               /* (n) M + g phi                                                */
  bool definite;           /* all m beyond STAGGERED_NEAR of one sign                      */
  double *even, *odd;      /* half fields: m_e and 1/m_o, where definite                   */
  double *half[7];         /* half fields: room of the solver                              */
  double *full[4];         /* fields: room of the solver                                   */
  double *matrix;          /* (n, n) or NULL                                               */
  int *pivot;              /* (n) or NULL                                                  */
  long iterations, solves; /* of conjugate gradients so far; a solve is one system         */
} staggered;
#define STAGGERED_NEAR 0.05

/* dense: the determinant will be asked for (at most 4096 sites, all planes here). ERR_DECK where the grid does not
 * suit. */
int staggered_new(staggered **out, const scalar_grid *g, double mass, double coupling, bool dense, err *e);
void staggered_free(staggered *s);
void staggered_set(staggered *s, const double *phi); /* m_n = M + g phi_n */

/* out = sign K v + m v: D v (sign 1), D^T v (-1); K v with m = NULL. v is exchanged. */
void staggered_apply(const scalar_grid *g, int sign, const double *m, double *v, double *out);

/* ---- half fields ---- */
static inline long staggered_plane(const scalar_grid *g) {
  return g->plane / 2;
}
double *staggered_half(const scalar_grid *g); /* zeroed; NULL without memory */
void staggered_half_free(const scalar_grid *g, double *v);
void staggered_split(const scalar_grid *g, const double *v, double *even, double *odd); /* either may be NULL */
void staggered_join(const scalar_grid *g, const double *even, const double *odd, double *v);
/* On the sites of parity `to`, v on the others, which is exchanged:  out = scale K v,  or  out = scale u - K v  with u.
 */
void staggered_hop(const scalar_grid *g, int to, double *v, const double *scale, const double *u, double *out);

/* ---- solver ---- */
/* D Y = chi, and D^T X = Y unless X is NULL: X = (D D^T)^-1 chi. X and Y hold guesses (zero is one) and get the
 * solutions. Stops where |r| <= tol |right side| for each system. even_odd: by the Schur complement where
 * definite; else conjugate gradients on D D^T (X is needed then). Returns the number of iterations, or -1 where
 * `most` did not suffice. */
long staggered_solve(staggered *s, bool even_odd, const double *chi, double *X, double *Y, double tol, long most);

/* ---- exact ---- */
/* ln |det D| by LU; inverse: (D^-1)_nn for all n, or NULL. NaN where D is singular. */
double staggered_logdet(staggered *s, double *inverse);
/* ln det D for m_n = m everywhere: 1/2 sum_p ln(m^2 + sum_mu sin^2 p_mu), p_0 shifted by half a step. */
double exact_staggered_logdet(const scalar_grid *g, double m);

#endif
