/* eit_fit.h: absolute images by Gauss-Newton: ln sigma of pixels and ln z of electrodes from voltages. Local, serial.
 */
#ifndef SIGNALS_EIT_FIT_H
#define SIGNALS_EIT_FIT_H

#include "signals/eit_forward.h"
#include "signals/eit_raster.h"

typedef struct eit_fit_spec {
  double smooth; /* weight of sum over sides of length (difference of ln sigma)^2, or of length (d^2 + beta^2)^1/2 */
  double beta;   /* 0: squares, else total variation */
  double pull;   /* weight of sum (ln sigma - start)^2 */
  double pull_z; /* weight of sum (ln z - start)^2; 0 keeps z as it is */
  double tol;    /* stops when the misfit changes by less than this part; 0 stands for 1e-4 */
  int most;      /* iterations at most; 0 stands for 20 */
} eit_fit_spec;

typedef struct eit_fit_result {
  double misfit; /* sum ((V - v)/noise)^2 over data */
  int iterations;
} eit_fit_result;

/* s (n): ln sigma of the pixels of r (and g), of the whole body if r is NULL (then n = 1); z (nelectrodes); both in:
 * start, out: result. f belongs to mesh m and protocol p; v (ndata) measured; noise (ndata) standard deviations, NULL:
 * all 1. Each step is halved until the sum of misfit and priors falls. ERR_RUN: the forward model fails at the start,
 * no memory. */
int eit_fit(eit_forward *f, const eit_mesh *m, const eit_protocol *p, const eit_raster *r, const eit_graph *g,
            const double *v, const double *noise, const eit_fit_spec *spec, double *s, double *z,
            eit_fit_result *result, err *e);

#endif
