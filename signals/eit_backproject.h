/* eit_backproject.h: back-projection between equipotential lines (Barber & Brown, J. Phys. E 17 (1984) 723). Local. */
#ifndef SIGNALS_EIT_BACKPROJECT_H
#define SIGNALS_EIT_BACKPROJECT_H

#include "signals/eit_forward.h"
#include "signals/eit_raster.h"

/* B (n pixels, ndata) for normalised data (v - v_ref)/v_ref: each pixel is minus the mean over all drives of the datum
 * whose two electrodes' equipotential lines enclose it, weighted by 1 - (distance from the middle of the raster over
 * half its width)^2/2. f has been solved for the homogeneous body on mesh m; data whose measurement is no pair of
 * electrodes do not count. ERR_RUN: no memory. */
int eit_backproject(const eit_forward *f, const eit_mesh *m, const eit_protocol *p, const eit_raster *r, double *b,
                    err *e);

#endif
