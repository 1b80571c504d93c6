/* eit_image.h: linear images from difference data: x = B y, B = A (S + lambda^2 V)^-1. One-step Gauss-Newton has A = P
 * J^T and S = J P J^T (P the inverse of the prior's matrix), GREIT averages over training targets; both share the
 * choice of lambda by the noise figure. Cells are elements or pixels. Local, serial. */
#ifndef SIGNALS_EIT_IMAGE_H
#define SIGNALS_EIT_IMAGE_H

#include "signals/eit_raster.h"

typedef struct eit_linear { /* V = 1: data are scaled by their standard deviations beforehand, see noise */
  int n, ndata;
  double *a;             /* (n, ndata) */
  double *s;             /* (ndata, ndata) */
  double *noise;         /* (ndata): standard deviations, relative to each other */
  double *q, *u, *eigen; /* a u (n, ndata), eigenvectors of s in columns (ndata, ndata), eigenvalues; NULL before use */
} eit_linear;

/* Priors: the matrix R whose inverse is P, as a sum of entries (i, j, value), i >= j, each standing for (j, i) too. */
typedef struct eit_prior {
  const char *name, *help;
  /* pair, value NULL: only returns how many entries there are. jt (n, ndata) */
  long (*entries)(const eit_graph *g, int n, int ndata, const double *jt, double exponent, int (*pair)[2],
                  double *value);
} eit_prior;
extern const eit_prior *const eit_priors[];        /* tikhonov, noser, laplace; NULL at the end */
const eit_prior *eit_prior_find(const char *name); /* NULL if unknown */

/* One-step Gauss-Newton in measurement space. jt (n, ndata): derivatives of the data by the cells; noise (ndata):
 * standard deviations of the data, NULL for equal ones. g: neighbourhood of the cells (laplace). exponent: of noser, 0
 * for .5. */
int eit_onestep_new(eit_linear **l, const eit_prior *prior, const eit_graph *g, int n, int ndata, const double *jt,
                    const double *noise, double exponent, err *e);
/* The same image by the n equations of parameter space, (J^T W J + lambda^2 R) x = J^T W y: the check, and better for
 * few cells. x (n). O(n^3). */
int eit_onestep_parameter(const eit_prior *prior, const eit_graph *g, int n, int ndata, const double *jt,
                          const double *noise, double exponent, double lambda, const double *y, double *x, err *e);

/* From A (n, ndata) and S (ndata, ndata) for data in units of noise; copies. */
int eit_linear_new(eit_linear **l, int n, int ndata, const double *a, const double *s, const double *noise, err *e);
void eit_linear_free(eit_linear *l);

/* lambda = fraction * (largest eigenvalue of S)^1/2 is a scale that needs no knowledge of units. */
int eit_linear_scale(eit_linear *l, double *scale, err *e);
/* B (n, ndata) for raw data (units of noise are included). */
int eit_linear_matrix(eit_linear *l, double lambda, double *b, err *e);
/* x (n) = B y without B: one factorisation of S. */
int eit_linear_solve(const eit_linear *l, double lambda, const double *y, double *x, err *e);

/* Noise figure at lambda: [mean |y| / sd of y] / [mean |x| / sd of x], for the response y (ndata) of a small target in
 * the middle; means of x weighted by area (n), NULL for equal cells. */
int eit_linear_noise_figure(eit_linear *l, double lambda, const double *y, const double *area, double *nf, err *e);
/* lambda with the wanted noise figure, by bisection in log lambda to 1e-4 of nf. ERR_RUN if it is out of reach. */
int eit_linear_choose(eit_linear *l, double nf, const double *y, const double *area, double *lambda, err *e);

/* x (frames, n) = y (frames, ndata) B^T with bt (ndata, n) = transposed B: many frames at once. */
void eit_apply(int frames, int n, int ndata, const double *bt, const double *y, double *x);
void eit_transpose(int rows, int cols, const double *a, double *t);

/* Total variation: min over x of |(J x - y)/noise|^2 + alpha sum over sides of length (dx^2 + beta^2)^1/2, by lagged
 * diffusivity (Vogel & Oman, SIAM J. Sci. Comput. 17 (1996) 227) until x moves by less than tol of itself, or `most`
 * times. x (n) in: start, out: result. O(ndata n^2 + most n^3). */
int eit_tv(const eit_graph *g, int n, int ndata, const double *jt, const double *noise, double alpha, double beta,
           double tol, int most, const double *y, double *x, err *e);

#endif
