/* eit_clinical.h: what a series of impedance images says about ventilation. Images are (nframes, n) of n pixels inside
 * the body, in any unit in which more gas is more (minus the relative change of conductivity). Local, serial. */
#ifndef SIGNALS_EIT_CLINICAL_H
#define SIGNALS_EIT_CLINICAL_H

#include "base/err.h"

/* Frequency of the largest peak of the spectrum (Hann window, linear trend removed, parabola through the logarithms of
 * three lines) between low and high in Hz; NAN for fewer than 16 points. Makes a plan of FFTW: not from several threads
 * at once. */
double eit_dominant_frequency(int n, const double *x, double rate, double low, double high);

typedef struct eit_breath {
  int start, top, end; /* frames: end of expiration, of inspiration, of expiration */
} eit_breath;

/* Breaths of a global signal (n): from minimum to minimum with a swing of at least `part` (0 stands for .3) of the
 * signal's 5 to 95 % range. breath (most); returns how many. */
int eit_breaths(int n, const double *x, double part, int most, eit_breath *breath);

typedef struct eit_indices {
  double tidal;          /* sum over pixels of (end of inspiration - end of expiration), mean over breaths */
  double inhomogeneity;  /* sum |TV - median TV of the lung| / sum TV over the lung (Zhao et al., Intensive Care Med. 35
                            (2009) 1900) */
  double centre_y;       /* centre of ventilation, 0 at the front to 1 at the back of the lung's extent */
  double centre_x;       /* 0 at the left to 1 at the right of the image */
  double end_expiratory; /* sum over pixels at the end of expiration, mean over breaths */
  double delay;          /* standard deviation over lung pixels of the regional delay, in parts of the inspiration */
  double silent;         /* part of lung pixels with less than a tenth of the largest tidal change */
  int lung;              /* number of lung pixels */
  int breaths;
} eit_indices;

/* Lung: pixels whose tidal image is at least `lung_part` (0 stands for .15) of the largest. The regional delay is the
 * time from the start of inspiration until a pixel has reached 40 % of its own change. row, col (n): places of the
 * pixels (row 0 at the front). tidal (n) may be NULL: the tidal image; delays (n) may be NULL: NAN outside the lung.
 * ERR_RUN: no breath. */
int eit_indices_of(int nframes, int n, const double *images, const int *row, const int *col, int nbreaths,
                   const eit_breath *breath, double lung_part, eit_indices *out, double *tidal, double *delays, err *e);

/* Sum over pixels of each frame. */
void eit_global(int nframes, int n, const double *images, double *sum);

#endif
