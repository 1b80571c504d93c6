/* eit_protocol.h: which currents are driven through which electrodes and which voltages are read: a list of data, each
 * a drive and a measurement, both vectors over the electrodes. Local. */
#ifndef SIGNALS_EIT_PROTOCOL_H
#define SIGNALS_EIT_PROTOCOL_H

#include <stdbool.h>

#include "base/err.h"

typedef struct eit_protocol {
  int nelectrodes, nvectors, ndrives, ndata;
  double scale;   /* currents are this many A times vector */
  double *vector; /* (nvectors, nelectrodes), all different, each sums to 0; the first ndrives are drives, any may serve
                     as measurement: weights of the electrodes' voltages (whose sum is 0) */
  int *drive, *meas; /* (ndata): datum = scale vector[meas] . U(vector[drive]) */
} eit_protocol;

/* All nd x nm pairs for which keep is true (NULL: all), in the order of drives: currents drive (nd, n) in A,
 * weights meas (nm, n). ERR_RUN: a drive that does not sum to 0 (to 1e-6 of its size), nothing kept, no memory. */
int eit_protocol_new(eit_protocol **p, int n, int nd, const double *drive, int nm, const double *meas, const bool *keep,
                     err *e);

/* Pair drive (k, k + skip) and measurement pairs (m, m + skip) that touch none of its electrodes, drives in the order
 * of k. Adjacent: skip = 1, n (n - 3) data. The order of measurements: `rotating` starts behind the drive pair (m = k +
 * skip + 1, ...; Goe-MF, Draeger), else at m = 0 always. `current` in A; datum =
 * U_m - U_{m+skip}. */
int eit_protocol_pairs(eit_protocol **p, int n, int skip, bool rotating, double current, err *e);

/* Currents amplitude cos(j theta_l), j = 1..n/2, then sin(j theta_l), j = 1..n/2-1, theta_l = first + 2 pi l/n (n
 * even); the voltages of all electrodes are data (their sum is 0). */
int eit_protocol_trigonometric(eit_protocol **p, int n, double first, double amplitude, err *e);

int eit_protocol_copy(eit_protocol **p, const eit_protocol *from, err *e);
void eit_protocol_free(eit_protocol *p);

/* The datum with drive and measurement exchanged, -1 if it does not exist; sign[i] = -1 where it has the other sign.
 * partner, sign (ndata). */
void eit_protocol_partners(const eit_protocol *p, int *partner, int *sign);
/* The reciprocity error |v - v'|/|v| in the Euclidean norm, v' the partners, over the data that have one. */
double eit_protocol_reciprocity(const eit_protocol *p, const double *v); /* v (ndata) */

#endif
