/* eit_image.h: what the files of app eit-image share: imagers, which turn data into pictures; recordings of breathing
 * patients; tanks with known contents. Pictures have rows x cols pixels, row 0 on top; n of them lie inside the body.
 * Local unless marked. */
#ifndef APPS_EIT_IMAGE_H
#define APPS_EIT_IMAGE_H

#include "base/run.h"
#include "signals/eit_clinical.h"
#include "signals/eit_forward.h"
#include "signals/eit_image.h"
#include "signals/eit_read.h"

/* ---- from data to pixels (eit_image_imager.c) ---- */

typedef struct imager {
  int n, ndata, rows, cols;
  int *place;         /* (n): row cols + col in the picture */
  double *bt;         /* (ndata, n): x = y bt; NULL: total variation, or images as they are */
  double *jp, *noise; /* (n, ndata) derivatives of the data by pixels; (ndata) or NULL */
  eit_graph *g;
  double lambda, noise_figure, scale; /* NAN where there is none; (largest eigenvalue of J J^T)^1/2 */
  double smooth, edge, tol;           /* of total variation, see its keys */
  int most;
} imager;

typedef struct imager_model {
  const eit_mesh *m;
  const eit_forward *f; /* solved for conductivity 1 */
  const eit_protocol *p;
  eit_raster *r;
  double *v, *jt;      /* (ndata) model voltages; (nelems, ndata) derivatives of the data as they are used */
  const double *noise; /* (ndata): their standard deviations; NULL: equal ones */
} imager_model;

typedef struct imager_method { /* a kind of section `image` */
  deck_kind kind;
  int (*make)(imager *im, const deck *d, const imager_model *w, err *e); /* NULL: not from data */
} imager_method;
extern const deck_kind
    *const imager_methods[]; /* noser, tikhonov, laplace, greit, backprojection, tv, absolute, given */
extern const imager_method imager_absolute, imager_given;
extern const deck_key imager_body_keys[], imager_absolute_keys[];
typedef struct imager_absolute_conf {
  double smooth;
  long iterations;
} imager_absolute_conf;

/* The body of the deck, its width 2: electrodes run counterclockwise on the mesh, and where they do not in the picture
 * that is to be mirrored. */
typedef struct imager_body {
  eit_mesh *m; /* owned by the caller */
  int grid;    /* pixels along a side of the picture */
  bool mirror;
  double contact; /* impedance times conductivity */
} imager_body;
int imager_body_new(imager_body *b, const deck *d, int electrodes, err *e); /* ERR_RUN as eit_mesh_new */

/* Body, electrodes and kind of image from the deck. relative: data are (v - v_ref)/v_ref, else v - v_ref divided by
 * the scale of voltages, which is *volts v_ref over those of conductivity 1: v_ref (ndata) is then needed. Images are
 * relative changes of conductivity. ERR_DECK, ERR_RUN. */
int imager_new(imager *im, const deck *d, const eit_protocol *p, bool relative, const double *v_ref,
               const double *noise, double *volts, err *e);
/* Pixels of images that the recording holds; those that never differ from 0. */
int imager_of_images(imager *im, const eit_record *rec, err *e);
void imager_free(imager *im);
/* x (frames, n) from y (frames, ndata). size: typical root of sum y^2, the unit of total variation. The bits of a frame
 * depend on no other frame. */
int imager_apply(const imager *im, int frames, const double *y, double size, double *x, err *e);
void imager_picture(const imager *im, const double *x, double outside, double *picture);

/* ---- patients (eit_image_breath.c) ---- */

extern const deck_key frames_keys[], breath_keys[], recording_keys[];
typedef struct recording_conf {
  const char *path, *format;
  double rate;
} recording_conf;
typedef struct frames_conf {
  long first, count, at;
  int reference;
} frames_conf;
typedef struct breath_conf {
  double swing, lung, low, high;
} breath_conf;

enum { BREATHS = 4096, INDICES = 8 };
typedef struct breathing { /* what images say, on rank 0 */
  int frames, nbreaths;
  double rate, frequency, reciprocity; /* Hz, Hz, part */
  double *image;                       /* (frames, n) minus the relative change of conductivity */
  double *global;                      /* (frames): mean over the body */
  double *tidal, *delay;               /* (n) */
  eit_breath breath[BREATHS];
  double value[INDICES], error[INDICES];
} breathing;

/* Collective: read, choose frames, reconstruct on all ranks, indices and results on rank 0. */
int breathing_run(run *r, err *e);
int breathing_results(run *r, const imager *im, const breathing *b, err *e);
void breathing_figures(run *r, const imager *im, const breathing *b, const char *unit);

/* Indices of the images with errors of the jackknife over breaths. */
int breathing_measure(const imager *im, const breath_conf *c, breathing *b, err *e);

/* ---- tanks (eit_image_tank.c) ---- */

extern const deck_key phantom_keys[];
/* Collective; rank 0 works. */
int tank_run(run *r, err *e);

#endif
