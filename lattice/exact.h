/* exact.h: exact solutions of Ising models, each in its own file with equation and source. All local and serial. They
 * need beta > 0, and fail with ERR_RUN and one sentence where a method does not apply. */
#ifndef LATTICE_EXACT_H
#define LATTICE_EXACT_H

#include "lattice/ising.h"

typedef struct exact_ising { /* NaN where a method does not know the quantity; e, c, s, f, m_abs, chi per site */
  double lnZ;                /* total (of the infinite lattice: per site)                          */
  double f;                  /* -lnZ/(beta N)                                                      */
  double e;                  /* <H>/N                                                              */
  double c;                  /* beta^2 (<H^2>-<H>^2)/N                                             */
  double s;                  /* beta (e - f)                                                       */
  double m_abs;              /* <|M|>/N                                                            */
  double chi;                /* beta (<M^2> - <|M|>^2)/N                                           */
  double m2, m4;             /* <M^2>/N^2, <M^4>/N^4                                               */
} exact_ising;

/* Kaufman 1949 on a rows x cols torus, sides >= 3, uniform J > 0 (J < 0: both sides must be even, then lnZ, e, c are
 * those of |J|). lnZ, f, e, c, s at any beta, beta_c included. O(rows). */
int exact_kaufman(exact_ising *x, int rows, int cols, double J, double beta, err *e);
/* Onsager/Yang: infinite square lattice; m_abs is the spontaneous magnetisation (0 for J < 0). lnZ is per site. c is
 * INFINITY at beta_c (within 4 units in the last place); chi is not known. */
int exact_square_infinite(exact_ising *x, double J, double beta, err *e);
/* Gray-code enumeration, n <= 24 spins, any model at any beta. O(2^n). */
int exact_enumerate(exact_ising *x, const ising *m, double beta, err *e);
/* Transfer matrix for a periodic triangular or square torus whose shorter side is <= 14, with uniform couplings and
 * field and beta (|J| + |h|) <= 20: lnZ and e to some 1e-15 relative, c to 1e-14 (beta (|J| + |h|) width)^2 absolute.
 * Seconds for 14 x 14, each column less is 4 times faster. */
int exact_transfer(exact_ising *x, const ising *m, double beta, err *e);
/* Ground-state entropy per site of the infinite triangular antiferromagnet (Wannier 1950, erratum 1973), by quadrature:
 * 0.3230659472. NaN if the quadrature fails. */
double exact_wannier_entropy(void);
/* The best of the above for a finite model at beta: enumeration up to 24 spins (it knows m_abs and chi), Kaufman,
 * transfer matrix. Returns 0 and x all NaN with *method = NULL if none applies; *method is a static word. */
int exact_any(exact_ising *x, const char **method, const ising *m, double beta, err *e);
/* The infinite lattice of the same model, where Onsager and Yang solve it (square, uniform couplings, no field); else
 * returns 0 and x all NaN. */
int exact_infinite_any(exact_ising *x, const ising *m, double beta, err *e);

/* For the files of exact solutions: all NaN; then f, e, c, s of n sites from lnZ, its two derivatives by beta. */
exact_ising exact_unknown(void);
void exact_thermal(exact_ising *x, double n, double beta, double lnZ, double d1, double d2);

#endif
