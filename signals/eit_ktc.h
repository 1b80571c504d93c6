/* eit_ktc.h: the tank of the Kuopio Tomography Challenge 2023: its score, and images of it and of tanks like it. Local,
 * serial. */
#ifndef SIGNALS_EIT_KTC_H
#define SIGNALS_EIT_KTC_H

#include "signals/eit_mesh.h"
#include "signals/eit_read.h"

enum { EIT_KTC_SIDE = 256 }; /* of the answer in pixels; row 0 on top, electrode 1 in the middle of the top */

/* Mean over the classes 1 (resistive) and 2 (conductive) of the structural similarity of binary images (rows, cols):
 * Gaussian window of 80 pixels, cut at 160, renormalised at the edges, c1 = 1e-4, c2 = 9e-4. Identical images score 1.
 */
int eit_ktc_score(int rows, int cols, const int *truth, const int *guess, double *score, err *e);

/* Classes of x[n], 0 the background at 0: 1 below `part` of the minimum, 2 above `part` of the maximum. A class does
 * not exist whose extreme is less than `other` of the other's, or than `least`. */
void eit_segment(int n, const double *x, double part, double other, double least, int *label);

/* Classes of an image x (size, size) of a change, over the square around the tank: bilinear to fine (SIDE, SIDE), 0
 * outside of the inscribed disk, then as eit_segment to label (SIDE, SIDE): .6, .8, .05 in the table of docs/eit.md. */
void eit_ktc_classify(int size, const double *x, double part, double other, double least, double *fine, int *label);

/* Change of a tank from its record and that of the same tank with water only (same protocol), ln(conductivity/that of
 * the water): contact impedances and conductivity of the water, then an absolute image with total variation from the
 * water's model voltages plus the measured change, over the square that just holds the mesh. */
typedef struct eit_tank {
  const eit_mesh *m; /* electrodes of the protocol */
  double contact;    /* contact impedances to begin with, in units of length/conductivity */
  double smooth;     /* weight of total variation against misfits in units of noise: 20 */
  int size, most;    /* pixels along a side: 32; iterations at most: 8 take seconds */
} eit_tank;
/* change (size, size), 0 outside. ERR_RUN: different protocols, the fit fails. */
int eit_tank_change(const eit_tank *t, const eit_record *water, const eit_record *tank, double *change, err *e);

/* The mesh of the challenge's tank in m, and its eit_tank (m not set). */
int eit_ktc_mesh(eit_mesh **m, int nelectrodes, err *e);
extern const eit_tank eit_ktc_tank;

#endif
