/* scalar_fourier.c: multiplication of a field by powers of w_p (see scalar_fourier.h); FFTW, real to complex. */
#include "samplers/scalar_fourier.h"

#include <math.h>
#include <stdlib.h>

static void fill(scalar_fourier *f) {
  const scalar_grid *g = f->g;
  int half = g->row / 2 + 1;
  for (long i = 0; i < f->modes; i++) {
    long rest = i / half;
    f->cosines[i] = cos(2 * M_PI * (double)(i % half) / g->row);
    for (int k = g->d - 2; k >= 0; k--) {
      f->cosines[i] += cos(2 * M_PI * (double)(rest % g->side[k]) / g->side[k]);
      rest /= g->side[k];
    }
  }
}

int scalar_fourier_new(scalar_fourier **out, const scalar_grid *g, err *e) {
  scalar_fourier *f = *out = calloc(1, sizeof *f);
  if (!f) return err_set(e, ERR_RUN, "Fourier acceleration: out of memory");
  f->g = g;
  f->modes = g->n / g->row * (g->row / 2 + 1);
  f->mode = fftw_malloc((size_t)f->modes * sizeof *f->mode);
  f->cosines = malloc((size_t)f->modes * sizeof *f->cosines);
  double *v = scalar_field(g);
  if (f->mode && f->cosines && v) {
    f->forward = fftw_plan_dft_r2c(g->d, g->side, v, f->mode, FFTW_ESTIMATE);
    f->backward = fftw_plan_dft_c2r(g->d, g->side, f->mode, v, FFTW_ESTIMATE);
  }
  scalar_field_free(g, v);
  if (!f->forward || !f->backward) return err_set(e, ERR_RUN, "Fourier acceleration: out of memory");
  fill(f);
  return 0;
}

void scalar_fourier_free(scalar_fourier *f) {
  if (!f) return;
  if (f->forward) fftw_destroy_plan(f->forward);
  if (f->backward) fftw_destroy_plan(f->backward);
  fftw_free(f->mode), free(f->cosines), free(f);
}

void scalar_fourier_apply(const scalar_fourier *f, double kappa, double stiffness, double power, const double *v,
                          double *out) {
  double slope = kappa < 0 ? -1 : 1, stiff = 4 * fabs(kappa), scale = 1 / (double)f->g->n;
  fftw_execute_dft_r2c(f->forward, (double *)v, f->mode); /* leaves its input as it was */
  for (long i = 0; i < f->modes; i++) {
    double w = stiff * (f->g->d - slope * f->cosines[i]) + stiffness,
           x = power == -1 ? scale / w : scale * pow(w, power);
    f->mode[i][0] *= x, f->mode[i][1] *= x;
  }
  fftw_execute_dft_c2r(f->backward, f->mode, out);
}
