/* eit_ktc.h: the tank of the Kuopio Tomography Challenge 2023: its score, and an answer. Local, serial. */
#ifndef SIGNALS_EIT_KTC_H
#define SIGNALS_EIT_KTC_H

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
 * outside of the inscribed disk, then as eit_segment to label (SIDE, SIDE). */
void eit_ktc_classify(int size, const double *x, double part, double other, double least, double *fine, int *label);

/* Answer for a tank from its record and that of the water (both of reader ktc, same protocol): contact impedances and
 * conductivity of the water, then an absolute image with total variation on size x size pixels from the water's model
 * voltages plus the measured change, segmented. change (size, size): ln(conductivity/that of the water), 0 outside;
 * label, fine as above. `size` 32, `most` 8 iterations take seconds. */
int eit_ktc_answer(const eit_record *water, const eit_record *tank, int size, int most, double *change, double *fine,
                   int *label, err *e);

#endif
