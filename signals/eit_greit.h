/* eit_greit.h: trained linear reconstruction (Adler et al., Physiol. Meas. 30 (2009) S35) and its figures of merit.
 * Local. */
#ifndef SIGNALS_EIT_GREIT_H
#define SIGNALS_EIT_GREIT_H

#include "signals/eit_image.h"

typedef struct eit_greit_spec { /* lengths in units of half the width of the raster; 0 stands for the number behind */
  int targets;                  /* 1500: quasi-random points of the plane */
  double radius;                /* .05: of a training target */
  double blob;                  /* .3: of its desired image, a disk */
  double rim;                   /* .03: width of the rim of that disk, 1/(1 + exp((d - blob)/rim)) */
  double z;                     /* m: height of the targets' centres, for a mesh in space */
} eit_greit_spec;

/* R = X Y^T (Y Y^T + lambda^2 V)^-1 as a linear image. Targets of contrast 1 (S/m) at K points of the mesh give data y
 * by the derivatives jt (nelems, ndata), divided by v_ref (ndata) unless that is NULL; the desired image x holds the
 * target's contrast times its area in a blob of wanted size. noise (ndata): of the data as they are used, NULL for
 * equal. */
int eit_greit_new(eit_linear **l, const eit_mesh *m, const eit_raster *r, int ndata, const double *jt,
                  const double *v_ref, const double *noise, const eit_greit_spec *s, err *e);

/* The data of one target of contrast 1, a disk or ball around centre (m->dim) of the given radius in m; out (ndata).
 * Its area or volume is exact. */
void eit_greit_response(const eit_mesh *m, int ndata, const double *jt, const double *centre, double radius,
                        double *out);

typedef struct eit_merit {
  double amplitude;  /* sum of the image times pixel area over contrast times area of the target */
  double position;   /* distance of the target from the middle less that of the centroid, in units of half the width */
  double resolution; /* (area of the thresholded set / area of all pixels)^1/2 */
  double shape;      /* part of the set outside the disk of its area around its centroid */
  double ringing;    /* minus the sum of negative pixels outside the set over the sum of the set */
} eit_merit;

/* Of an image (n) of a target at x, y (m) with contrast times area `strength`; the set are pixels >= 1/4 of the
 * largest. */
eit_merit eit_merits(const eit_raster *r, const double *image, double x, double y, double strength);

#endif
