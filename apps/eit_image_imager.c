/* eit_image_imager.c: imager_new ... imager_picture: body, electrodes and kind of image from the deck.
 *
 * One step for relative data y = (v - v_ref)/v_ref, from the model's voltages v and derivatives J at conductivity 1:
 *
 *   x = B y,   B from J_dp/v_d (signals/eit_image.h, eit_greit.h, eit_backproject.h)
 *
 * so that neither currents nor sizes nor gains need be known; for tanks y = (v - v_ref)/s, s = <v_ref, v>/<v, v>. Total
 * variation minimises |J x - y|^2 + a sum length (dx^2 + b^2)^1/2 frame by frame. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/eit_image.h"
#include "signals/eit_backproject.h"
#include "signals/eit_greit.h"

#define PI 3.14159265358979323846

typedef struct body_conf {
  double aspect, first, width, contact, h, h_edge;
  long grid;
  bool clockwise;
} body_conf;
const deck_key imager_body_keys[] = {
    {"aspect", DECK_REAL, offsetof(body_conf, aspect), "1", 0.67, 1.5, .help = "height over width of the outline"},
    {"first", DECK_REAL, offsetof(body_conf, first), "90", -360, 360, .unit = "degrees",
     .help = "where electrode 1 is: 0 right, 90 top (the front)"},
    {"clockwise", DECK_BOOL, offsetof(body_conf, clockwise), "true", .help = "order of the electrodes in the picture"},
    {"width", DECK_REAL, offsetof(body_conf, width), "0.5", 0.05, 0.95,
     .help = "part of the circumference under electrodes"},
    {"contact", DECK_REAL, offsetof(body_conf, contact), "0.02", 1e-6, 1e3, .unit = "half widths/conductivity",
     .help = "contact impedance"},
    {"mesh", DECK_REAL, offsetof(body_conf, h), "0.08", 0.005, 0.5, .unit = "half widths",
     .help = "size of elements inside"},
    {"edge", DECK_REAL, offsetof(body_conf, h_edge), "0.03", 5e-4, 0.5, .unit = "half widths",
     .help = "size of elements at the ends of electrodes"},
    {"grid", DECK_INT, offsetof(body_conf, grid), "32", 4, 128, .unit = "pixels",
     .help = "rows and columns of pictures"},
    {0},
};

/* ---- kinds of images ---- */

typedef struct linear_conf {
  double noise_figure, lambda, exponent;
} linear_conf;
static const deck_key linear_keys[] = {
    {"noise_figure", DECK_REAL, offsetof(linear_conf, noise_figure), "0.5", 1e-3, 100,
     .help = "signal to noise of data over that of images, for a small target in the middle"},
    {"lambda", DECK_REAL, offsetof(linear_conf, lambda), "~", 1e-9, 1e3,
     .help = "in place of it: regularisation, 1: the largest singular value"},
    {0},
};
static const deck_key noser_keys[] = {
    {"noise_figure", DECK_REAL, offsetof(linear_conf, noise_figure), "0.5", 1e-3, 100,
     .help = "signal to noise of data over that of images, for a small target in the middle"},
    {"lambda", DECK_REAL, offsetof(linear_conf, lambda), "~", 1e-9, 1e3,
     .help = "in place of it: regularisation, 1: the largest singular value"},
    {"exponent", DECK_REAL, offsetof(linear_conf, exponent), "0.5", 0.01, 1, .help = "of diag(J^T J)"},
    {0},
};
typedef struct greit_conf {
  linear_conf linear;
  double radius, blob, rim;
  long targets;
} greit_conf;
static const deck_key greit_keys[] = {
    {"noise_figure", DECK_REAL, offsetof(greit_conf, linear.noise_figure), "0.5", 1e-3, 100,
     .help = "signal to noise of data over that of images, for a small target in the middle"},
    {"lambda", DECK_REAL, offsetof(greit_conf, linear.lambda), "~", 1e-9, 1e3,
     .help = "in place of it: regularisation, 1: the largest singular value"},
    {"targets", DECK_INT, offsetof(greit_conf, targets), "1500", 10, 1e5, .help = "of the training"},
    {"radius", DECK_REAL, offsetof(greit_conf, radius), "0.05", 0.005, 0.5, .unit = "half widths",
     .help = "of a target"},
    {"blob", DECK_REAL, offsetof(greit_conf, blob), "0.3", 0.01, 1, .unit = "half widths",
     .help = "radius of its desired image"},
    {"rim", DECK_REAL, offsetof(greit_conf, rim), "0.03", 0.001, 0.5, .unit = "half widths", .help = "of that image"},
    {0},
};
typedef struct tv_conf {
  double smooth, edge, tol;
  long most;
} tv_conf;
static const deck_key tv_keys[] = {
    {"smooth", DECK_REAL, offsetof(tv_conf, smooth), "0.001", 1e-9, 1e3,
     .help = "weight of total variation, 1: data times the largest singular value"},
    {"edge", DECK_REAL, offsetof(tv_conf, edge), "0.001", 1e-9, 1e3,
     .help = "step taken for an edge, 1: data over the largest singular value"},
    {"tol", DECK_REAL, offsetof(tv_conf, tol), "1e-3", 1e-9, 0.5, .help = "the last change of an image, relative"},
    {"iterations", DECK_INT, offsetof(tv_conf, most), "20", 1, 1000, .help = "at most"},
    {0},
};
const deck_key imager_absolute_keys[] = {
    {"smooth", DECK_REAL, offsetof(imager_absolute_conf, smooth), "20", 1e-6, 1e6,
     .help = "weight of total variation against misfits in units of noise"},
    {"iterations", DECK_INT, offsetof(imager_absolute_conf, iterations), "8", 1, 100, .help = "of Gauss-Newton"},
    {0},
};

static double *room(size_t n, size_t m, err *e) {
  double *x = malloc((n * m + 1) * sizeof *x);
  if (!x) err_set(e, ERR_RUN, "image: no memory for %zu x %zu numbers", n, m);
  return x;
}

static double half_width(const imager_model *w) {
  return (w->r->x1 - w->r->x0) / 2;
}

/* bt from a linear image: lambda as given or by the noise figure. */
static int finish(imager *im, eit_linear *l, const imager_model *w, const linear_conf *c, err *e) {
  double *y = room((size_t)im->ndata, 1, e), *b = room((size_t)im->n, (size_t)im->ndata, e), scale = 1;
  im->bt = room((size_t)im->ndata, (size_t)im->n, e);
  if (e->code || eit_linear_scale(l, &scale, e)) goto end;
  eit_greit_response(w->m, im->ndata, w->jt, (double[]){0, 0}, .05 * half_width(w), y);
  if (isnan(c->lambda))
    eit_linear_choose(l, c->noise_figure, y, NULL, &im->lambda, e);
  else
    im->lambda = c->lambda * scale;
  if (e->code || eit_linear_noise_figure(l, im->lambda, y, NULL, &im->noise_figure, e) ||
      eit_linear_matrix(l, im->lambda, b, e))
    goto end;
  im->lambda /= scale;
  eit_transpose(im->n, im->ndata, b, im->bt);
end:
  free(y), free(b);
  return e->code;
}

static int onestep(imager *im, const deck *d, const imager_model *w, const char *prior, const deck_key *keys, err *e) {
  linear_conf c = {0};
  eit_linear *l = NULL;
  deck_get(d, "image", keys, &c);
  if (!eit_onestep_new(&l, eit_prior_find(prior), im->g, im->n, im->ndata, im->jp, w->noise, c.exponent, e))
    finish(im, l, w, &c, e);
  eit_linear_free(l);
  return e->code;
}
static int noser(imager *im, const deck *d, const imager_model *w, err *e) {
  return onestep(im, d, w, "noser", noser_keys, e);
}
static int tikhonov(imager *im, const deck *d, const imager_model *w, err *e) {
  return onestep(im, d, w, "tikhonov", linear_keys, e);
}
static int laplace(imager *im, const deck *d, const imager_model *w, err *e) {
  return onestep(im, d, w, "laplace", linear_keys, e);
}

static int greit(imager *im, const deck *d, const imager_model *w, err *e) {
  greit_conf c;
  eit_linear *l = NULL;
  deck_get(d, "image", greit_keys, &c);
  eit_greit_spec s = {(int)c.targets, c.radius, c.blob, c.rim, 0};
  if (!eit_greit_new(&l, w->m, w->r, im->ndata, w->jt, NULL, w->noise, &s, e)) finish(im, l, w, &c.linear, e);
  eit_linear_free(l);
  return e->code;
}

static int backprojection(imager *im, const deck *d, const imager_model *w, err *e) {
  (void)d;
  double *b = room((size_t)im->n, (size_t)im->ndata, e);
  im->bt = room((size_t)im->ndata, (size_t)im->n, e);
  if (!e->code && !eit_backproject(w->f, w->m, w->p, w->r, b, e)) eit_transpose(im->n, im->ndata, b, im->bt);
  free(b);
  return e->code;
}

static int tv(imager *im, const deck *d, const imager_model *w, err *e) {
  tv_conf c;
  eit_linear *l = NULL;
  deck_get(d, "image", tv_keys, &c);
  im->smooth = c.smooth, im->edge = c.edge, im->tol = c.tol, im->most = (int)c.most;
  if (w->noise && (im->noise = room((size_t)im->ndata, 1, e)))
    memcpy(im->noise, w->noise, (size_t)im->ndata * sizeof *im->noise);
  if (!e->code && !eit_onestep_new(&l, eit_prior_find("tikhonov"), im->g, im->n, im->ndata, im->jp, w->noise, 0, e))
    eit_linear_scale(l, &im->scale, e);
  eit_linear_free(l);
  return e->code;
}

static const imager_method by_noser = {{"noser", "one step, prior diag(J^T J)^exponent", noser_keys}, noser},
                           by_tikhonov = {{"tikhonov", "one step, prior 1", linear_keys}, tikhonov},
                           by_laplace = {{"laplace", "one step, prior L^T L", linear_keys}, laplace},
                           by_greit = {{"greit", "trained on targets", greit_keys}, greit},
                           by_backprojection = {{"backprojection", "between equipotential lines", NULL},
                                                backprojection},
                           by_tv = {{"tv", "total variation, frame by frame", tv_keys}, tv};
const imager_method imager_absolute = {{"absolute", "of phantoms: conductivity and contact impedances, total variation",
                                        imager_absolute_keys},
                                       NULL},
                    imager_given = {{"given", "the recording holds images", NULL}, NULL};
const deck_kind *const imager_methods[] = {&by_noser.kind,        &by_tikhonov.kind,       &by_laplace.kind,
                                           &by_greit.kind,        &by_backprojection.kind, &by_tv.kind,
                                           &imager_absolute.kind, &imager_given.kind,      NULL};

/* ---- the model ---- */

static int mesh_of(eit_mesh **m, const body_conf *c, int electrodes, err *e) {
  eit_electrode *l = malloc((size_t)electrodes * sizeof *l);
  double a[2] = {0, (1 - c->aspect) / (1 + c->aspect)}, b[2] = {0}, length = 0;
  eit_outline o = {.radius = 1 / (1 + fabs(a[1])), .n = 2, .a = a, .b = b};
  if (!l) return err_set(e, ERR_RUN, "image: no memory for %d electrodes", electrodes);
  for (int k = 0; k < 4096; k++) { /* the circumference */
    double p = 2 * PI * k / 4096, q = 2 * PI * (k + 1) / 4096, r = eit_outline_radius(&o, p),
           s = eit_outline_radius(&o, q);
    length += hypot(r * cos(p) - s * cos(q), r * sin(p) - s * sin(q));
  }
  eit_belt(&o, electrodes, c->width * length / electrodes, PI / 180 * (c->clockwise ? 180 - c->first : c->first), l);
  eit_mesh_spec s = {.outline = o, .nelectrodes = electrodes, .electrode = l, .h = c->h, .h_edge = c->h_edge};
  eit_mesh_new(m, &s, e);
  free(l);
  return e->code;
}

int imager_body_new(imager_body *b, const deck *d, int electrodes, err *e) {
  body_conf c;
  deck_get(d, "body", imager_body_keys, &c);
  *b = (imager_body){.grid = (int)c.grid, .mirror = c.clockwise, .contact = c.contact};
  return mesh_of(&b->m, &c, electrodes, e);
}

/* Voltages and derivatives at conductivity 1, in units of the data. */
static int solve(imager_model *w, eit_forward *f, double contact, bool relative, const double *v_ref, double *volts,
                 err *e) {
  size_t ne = (size_t)w->m->nelems, M = (size_t)w->p->ndata;
  double *sigma = room(ne, 1, e), *z = room((size_t)w->m->nelectrodes, 1, e), vv = 0, rv = 0;
  w->v = room(M, 1, e), w->jt = room(ne, M, e);
  if (!e->code) {
    for (size_t k = 0; k < ne; k++) sigma[k] = 1;
    for (int k = 0; k < w->m->nelectrodes; k++) z[k] = contact;
    if (!eit_forward_solve(f, sigma, z, w->v, e)) eit_forward_jacobian(f, w->jt, NULL, e);
  }
  for (size_t d = 0; d < M && !e->code; d++) {
    vv += w->v[d] * w->v[d], rv += v_ref ? v_ref[d] * w->v[d] : 0;
    for (size_t k = 0; k < ne && relative; k++) w->jt[k * M + d] /= w->v[d];
  }
  if (volts) *volts = rv / vv;
  free(sigma), free(z);
  return e->code;
}

static int pixels_of(imager *im, const imager_model *w, bool mirror, err *e) {
  const eit_raster *r = w->r;
  im->n = r->n, im->ndata = w->p->ndata, im->rows = r->rows, im->cols = r->cols;
  im->place = malloc((size_t)r->n * sizeof *im->place);
  im->jp = room((size_t)r->n, (size_t)im->ndata, e);
  if (!im->place) return err_set(e, ERR_RUN, "image: no memory for %d pixels", r->n);
  for (int p = 0; p < r->n; p++) {
    int row = r->place[p] / r->cols, col = r->place[p] % r->cols;
    im->place[p] = row * r->cols + (mirror ? r->cols - 1 - col : col);
  }
  if (!e->code) eit_raster_jacobian(r, im->ndata, w->jt, im->jp);
  return e->code;
}

int imager_new(imager *im, const deck *d, const eit_protocol *p, bool relative, const double *v_ref,
               const double *noise, double *volts, err *e) {
  const imager_method *method = (const imager_method *)deck_kind_of(d, "image");
  imager_body b;
  eit_forward *f = NULL;
  imager_model w = {.p = p};
  double *unit = NULL;
  *im = (imager){.lambda = NAN, .noise_figure = NAN, .scale = NAN};
  if (imager_body_new(&b, d, p->nelectrodes, e) || eit_forward_new(&f, b.m, p, EIT_COMPLETE, e)) goto end;
  w.m = b.m, w.f = f;
  if (eit_raster_square(&w.r, b.m, b.grid, e) || solve(&w, f, b.contact, relative, v_ref, volts, e) ||
      pixels_of(im, &w, b.mirror, e) || eit_graph_of_raster(&im->g, w.r, e))
    goto end;
  if (noise && volts) { /* in units of the data */
    if (!(unit = room((size_t)p->ndata, 1, e))) goto end;
    for (int i = 0; i < p->ndata; i++) unit[i] = noise[i] / *volts;
  }
  w.noise = unit;
  method->make(im, d, &w, e);
end:
  eit_raster_free(w.r), eit_forward_free(f), eit_mesh_free(b.m);
  free(w.v), free(w.jt), free(unit);
  return e->code;
}

int imager_of_images(imager *im, const eit_record *rec, err *e) {
  *im = (imager){
      .lambda = NAN, .noise_figure = NAN, .scale = NAN, .rows = rec->rows, .cols = rec->cols, .ndata = rec->ndata};
  if (!(im->place = malloc((size_t)rec->ndata * sizeof *im->place)))
    return err_set(e, ERR_RUN, "image: no memory for %d pixels", rec->ndata);
  for (int p = 0; p < rec->ndata; p++) {
    bool inside = false;
    for (long t = 0; t < rec->nframes && !inside; t++) inside = rec->data[t * rec->ndata + p] != 0;
    if (inside) im->place[im->n++] = p;
  }
  return im->n ? 0 : err_set(e, ERR_FILE, "%s: all pixels are 0", rec->format);
}

void imager_free(imager *im) {
  free(im->place), free(im->bt), free(im->jp), free(im->noise), eit_graph_free(im->g);
}

static int apply_tv(const imager *im, int frames, const double *y, double size, double *x, err *e) {
  double a = im->smooth * im->scale * size, b = im->edge * size / im->scale;
#pragma omp parallel for schedule(dynamic, 1)
  for (int t = 0; t < frames; t++) {
    err own = {0};
    double *to = x + (long)t * im->n;
    memset(to, 0, (size_t)im->n * sizeof *to);
    eit_tv(im->g, im->n, im->ndata, im->jp, im->noise, a, b, im->tol, im->most, y + (long)t * im->ndata, to, &own);
#pragma omp critical
    if (own.code && !e->code) *e = own;
  }
  return e->code;
}

int imager_apply(const imager *im, int frames, const double *y, double size, double *x, err *e) {
  if (im->jp && !im->bt) return apply_tv(im, frames, y, size, x, e);
  if (im->bt) eit_apply(frames, im->n, im->ndata, im->bt, y, x);
  for (int t = 0; t < frames && !im->bt; t++)
    for (int p = 0; p < im->n; p++) x[(long)t * im->n + p] = y[(long)t * im->ndata + im->place[p]];
  return 0;
}

void imager_picture(const imager *im, const double *x, double outside, double *picture) {
  for (int p = 0; p < im->rows * im->cols; p++) picture[p] = outside;
  for (int p = 0; p < im->n; p++) picture[im->place[p]] = x[p];
}
