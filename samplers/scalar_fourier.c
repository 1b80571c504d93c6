/* scalar_fourier.c: multiplication of a field by powers of w_p (see scalar_fourier.h). */
#include "samplers/scalar_fourier.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void fill_cosines(scalar_fourier *f) {
  const scalar_grid *g = f->g;
  int half = g->row / 2 + 1;
  for (int t = 0; t < g->side[0]; t++) f->time_cosines[t] = cos(2 * M_PI * t / g->side[0]);
  for (int i = 0; i < f->modes; i++) {
    int rest = i / half;
    f->cosines[i] = cos(2 * M_PI * (i % half) / g->row);
    for (int k = g->d - 2; k > 0; k--) {
      f->cosines[i] += cos(2 * M_PI * (rest % g->side[k]) / g->side[k]);
      rest /= g->side[k];
    }
  }
}

static comm_range modes_of(const scalar_fourier *f, int rank) {
  return f->g->ranks ? comm_rank_range(f->g->ranks, rank, f->modes) : (comm_range){0, f->modes};
}

static int ranks_of(const scalar_fourier *f) {
  return f->g->ranks ? f->g->ranks->ranks : 1;
}

static int planes_of(const scalar_fourier *f, int rank) {
  if (!f->g->ranks) return f->g->planes;
  comm_range r = comm_rank_range(f->g->ranks, rank, f->g->side[0]);
  return r.end - r.first;
}

static bool allocate(scalar_fourier *f) {
  size_t modes = (size_t)f->modes, T = (size_t)f->g->side[0], here = (size_t)(f->end - f->first),
         n = (size_t)ranks_of(f);
  f->real = fftw_malloc((size_t)f->g->plane * sizeof *f->real);
  f->wave = fftw_malloc(modes * sizeof *f->wave);
  f->time = fftw_malloc(T * sizeof *f->time);
  f->planes = fftw_malloc((size_t)f->g->planes * modes * sizeof *f->planes);
  f->lines = fftw_malloc((here * T + 1) * sizeof *f->lines);
  f->mail = fftw_malloc((here * T + 1) * sizeof *f->mail);
  f->out = malloc(n * sizeof *f->out);
  f->in = malloc(n * sizeof *f->in);
  f->cosines = malloc(modes * sizeof *f->cosines);
  f->time_cosines = malloc(T * sizeof *f->time_cosines);
  return f->real && f->wave && f->time && f->planes && f->lines && f->mail && f->out && f->in && f->cosines &&
         f->time_cosines;
}

static bool plan(scalar_fourier *f) {
  const scalar_grid *g = f->g;
  f->plane = fftw_plan_dft_r2c(g->d - 1, g->side + 1, f->real, f->wave, FFTW_ESTIMATE);
  f->back = fftw_plan_dft_c2r(g->d - 1, g->side + 1, f->wave, f->real, FFTW_ESTIMATE);
  f->line = fftw_plan_dft_1d(g->side[0], f->time, f->time, FFTW_FORWARD, FFTW_ESTIMATE);
  f->line_back = fftw_plan_dft_1d(g->side[0], f->time, f->time, FFTW_BACKWARD, FFTW_ESTIMATE);
  return f->plane && f->back && f->line && f->line_back;
}

int scalar_fourier_new(scalar_fourier **out, const scalar_grid *g, err *e) {
  scalar_fourier *f = *out = calloc(1, sizeof *f);
  if (!f) return err_set(e, ERR_RUN, "Fourier acceleration: out of memory");
  f->g = g;
  f->modes = (int)(g->plane / g->row) * (g->row / 2 + 1);
  comm_range here = modes_of(f, g->ranks ? g->ranks->rank : 0);
  f->first = here.first, f->end = here.end;
  if (!allocate(f) || !plan(f)) return err_set(e, ERR_RUN, "Fourier acceleration: out of memory");
  fill_cosines(f);
  for (int r = 0; r < ranks_of(f); r++) {
    comm_range there = modes_of(f, r);
    f->out[r] = (size_t)(g->planes * (there.end - there.first)) * sizeof *f->planes;
    f->in[r] = (size_t)(planes_of(f, r) * (f->end - f->first)) * sizeof *f->planes;
  }
  return 0;
}

void scalar_fourier_free(scalar_fourier *f) {
  if (!f) return;
  fftw_plan plans[] = {f->plane, f->back, f->line, f->line_back};
  for (int k = 0; k < 4; k++)
    if (plans[k]) fftw_destroy_plan(plans[k]);
  fftw_free(f->real), fftw_free(f->wave), fftw_free(f->time), fftw_free(f->planes), fftw_free(f->lines);
  fftw_free(f->mail), free(f->out), free(f->in), free(f->cosines), free(f->time_cosines), free(f);
}

/* ---- planes to lines and back ---- */

/* A plane's modes to or from the parts of f->planes that belong to the ranks, (planes, modes of the rank) each. */
static void sort_modes(const scalar_fourier *f, int p, bool in) {
  fftw_complex *part = f->planes;
  for (int r = 0; r < ranks_of(f); r++) {
    comm_range there = modes_of(f, r);
    size_t n = (size_t)(there.end - there.first), bytes = n * sizeof *part;
    if (in)
      memcpy(part + (size_t)p * n, f->wave + there.first, bytes);
    else
      memcpy(f->wave + there.first, part + (size_t)p * n, bytes);
    part += (size_t)f->g->planes * n;
  }
}

/* (side[0], modes here) to (modes here, side[0]), or back. */
static void turn(const scalar_fourier *f, fftw_complex *by_time, bool back) {
  int T = f->g->side[0], n = f->end - f->first;
  for (int t = 0; t < T; t++)
    for (int k = 0; k < n; k++) {
      fftw_complex *a = &by_time[(size_t)t * (size_t)n + (size_t)k], *b = &f->lines[(size_t)k * (size_t)T + (size_t)t];
      memcpy(back ? a : b, back ? b : a, sizeof *a);
    }
}

static void to_lines(const scalar_fourier *f) {
  if (f->g->ranks) comm_all_to_all(f->g->ranks, f->planes, f->out, f->mail, f->in);
  turn(f, f->g->ranks ? f->mail : f->planes, false);
}

static void to_planes(const scalar_fourier *f) {
  turn(f, f->g->ranks ? f->mail : f->planes, true);
  if (f->g->ranks) comm_all_to_all(f->g->ranks, f->mail, f->in, f->planes, f->out);
}

/* ---- a line of one mode of the planes: all its frequencies ---- */

static void weigh_line(const scalar_fourier *f, int k, double kappa, double stiffness, double power) {
  int T = f->g->side[0];
  double slope = kappa < 0 ? -1 : 1, stiff = 4 * fabs(kappa), scale = 1 / (double)f->g->n;
  fftw_complex *line = f->lines + (size_t)(k - f->first) * (size_t)T;
  memcpy(f->time, line, (size_t)T * sizeof *line);
  fftw_execute(f->line);
  for (int t = 0; t < T; t++) {
    double c = f->cosines[k] + f->time_cosines[t], w = stiff * (f->g->d - slope * c) + stiffness;
    double x = power == -1 ? scale / w : scale * pow(w, power);
    f->time[t][0] *= x, f->time[t][1] *= x;
  }
  fftw_execute(f->line_back);
  memcpy(line, f->time, (size_t)T * sizeof *line);
}

void scalar_fourier_apply(const scalar_fourier *f, double kappa, double stiffness, double power, const double *v,
                          double *out) {
  const scalar_grid *g = f->g;
  size_t bytes = (size_t)g->plane * sizeof *v;
  for (int p = 0; p < g->planes; p++) {
    memcpy(f->real, v + p * g->plane, bytes);
    fftw_execute(f->plane);
    sort_modes(f, p, true);
  }
  to_lines(f);
  for (int k = f->first; k < f->end; k++) weigh_line(f, k, kappa, stiffness, power);
  to_planes(f);
  for (int p = 0; p < g->planes; p++) {
    sort_modes(f, p, false);
    fftw_execute(f->back);
    memcpy(out + p * g->plane, f->real, bytes);
  }
}
