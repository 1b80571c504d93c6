/* test_eit_image.c: products, pixels, one-step Gauss-Newton in both forms, noise figure, GREIT and its figures of
 * merit, back-projection, total variation, absolute images. */
#include "eit_fixture.h"
#include "signals/dense.h"
#include "signals/eit_backproject.h"
#include "signals/eit_fit.h"
#include "signals/eit_greit.h"

enum { L = 16, M = 208 };

static double wave(int i) {
  return sin(12.9898 * i + .7) + .3 * cos(.37 * i);
}

static void products(void) {
  static const int size[5][3] = {{1, 1, 1}, {8, 16, 300}, {13, 37, 19}, {70, 33, 600}, {40, 40, 513}};
  for (int q = 0; q < 5; q++) {
    int m = size[q][0], n = size[q][1], k = size[q][2];
    double *a = malloc(sizeof(double) * (size_t)m * (size_t)k), *t = malloc(sizeof(double) * (size_t)m * (size_t)k);
    double *b = malloc(sizeof(double) * (size_t)n * (size_t)k), *c = malloc(sizeof(double) * (size_t)(m * n)), off = 0;
    double *d = malloc(sizeof(double) * (size_t)(m * n)), *g = malloc(sizeof(double) * (size_t)(m * m));
    for (int i = 0; i < m * k; i++) a[i] = wave(i);
    for (int i = 0; i < n * k; i++) b[i] = wave(i + 1000);
    eit_transpose(m, k, a, t);
    dense_product(m, n, k, a, b, c);
    dense_transposed(m, n, k, t, b, d);
    dense_transposed(m, m, k, t, t, g);
    for (int i = 0; i < m; i++)
      for (int j = 0; j < n; j++) {
        double s = 0, r = 0;
        for (int p = 0; p < k; p++) s += a[i * k + p] * b[p * n + j];
        for (int p = 0; p < k; p++) r += a[i * k + p] * a[(j % m) * k + p];
        off = fmax(off, fmax(fabs(c[i * n + j] - s), fabs(d[i * n + j] - s)));
        off = fmax(off, fabs(g[i * m + j % m] - r));
      }
    CHECK_REPORT(off <= 1e-11 * k, "product %d x %d x %d off by %g", m, n, k, off);
    for (int i = 0; i < m * m; i++) CHECK(g[i] == g[i % m * m + i / m]);
    free(a), free(t), free(b), free(c), free(d), free(g);
  }
}

typedef struct scene {
  eit_mesh *m;
  eit_protocol *p;
  eit_forward *f;
  double *sigma, z[L], v[M], *jt;
} scene;

static scene begin(double h, double h_edge) {
  scene s = {.m = fixture_disk(1, L, .05, h, h_edge, .3, 0, 1)};
  err e = {0};
  fixture_fine(eit_protocol_pairs(&s.p, L, 1, true, 1, &e), &e);
  fixture_fine(eit_forward_new(&s.f, s.m, s.p, EIT_COMPLETE, &e), &e);
  s.sigma = malloc((size_t)s.m->nelems * sizeof *s.sigma);
  s.jt = malloc((size_t)s.m->nelems * M * sizeof *s.jt);
  for (int k = 0; k < s.m->nelems; k++) s.sigma[k] = 1;
  for (int l = 0; l < L; l++) s.z[l] = .02;
  fixture_fine(eit_forward_solve(s.f, s.sigma, s.z, s.v, &e), &e);
  fixture_fine(eit_forward_jacobian(s.f, s.jt, NULL, &e), &e);
  return s;
}

static void end(scene *s) {
  eit_forward_free(s->f), eit_protocol_free(s->p), eit_mesh_free(s->m);
  free(s->sigma), free(s->jt);
}

static void pixels(const scene *s, const eit_raster *r) {
  double *field = malloc((size_t)s->m->nelems * sizeof *field), *x = malloc((size_t)r->n * sizeof *x), c[3], off = 0;
  for (int k = 0; k < s->m->nelems; k++) field[k] = 1;
  eit_raster_draw(r, field, x);
  for (int p = 0; p < r->n; p++) CHECK_NEAR(x[p], 1, 1e-12);
  eit_raster_spread(r, x, field);
  for (int k = 0; k < s->m->nelems; k++) CHECK_NEAR(field[k], 1, 1e-12);
  for (int k = 0; k < s->m->nelems; k++) eit_mesh_centre(s->m, k, c), field[k] = c[0] + 2 * c[1];
  eit_raster_draw(r, field, x);
  for (int p = 0; p < r->n; p++) eit_raster_centre(r, p, c), off = fmax(off, fabs(x[p] - c[0] - 2 * c[1]));
  CHECK_REPORT(off < .15, "a linear field is drawn with an error of %g", off); /* size of an element */
  double *jp = malloc((size_t)r->n * M * sizeof *jp), a = 0, b = 0;            /* adjoint: j . (S x) = (S^T j) . x */
  eit_raster_jacobian(r, M, s->jt, jp);
  for (int p = 0; p < r->n; p++) x[p] = wave(p);
  eit_raster_spread(r, x, field);
  for (int k = 0; k < s->m->nelems; k++) a += s->jt[(long)k * M + 17] * field[k];
  for (int p = 0; p < r->n; p++) b += jp[(long)p * M + 17] * x[p];
  CHECK_REL(a, b, 1e-10);
  double *image = malloc((size_t)(r->rows * r->cols) * sizeof *image);
  eit_raster_image(r, x, -7, image);
  CHECK(image[0] == -7 && image[r->place[5]] == x[5]);
  free(field), free(x), free(jp), free(image);
}

/* Measurement and parameter space give the same image; so does the matrix. */
static void two_forms(const scene *s) {
  err e = {0};
  eit_graph *g = NULL;
  int n = s->m->nelems;
  double noise[M], y[M], *x = malloc(3 * (size_t)n * sizeof *x), *w = x + n, *u = w + n;
  double *b = malloc((size_t)n * M * sizeof *b);
  fixture_fine(eit_graph_of_mesh(&g, s->m, &e), &e);
  CHECK_INT(2 * g->nsides + 3 * 0, g->first[g->n]);
  for (int d = 0; d < M; d++) noise[d] = .01 * (2 + sin(d)), y[d] = .01 * wave(d);
  for (int k = 0; eit_priors[k]; k++) {
    eit_linear *l = NULL;
    double scale, off = 0, size = 0;
    fixture_fine(eit_onestep_new(&l, eit_priors[k], g, n, M, s->jt, noise, 0, &e), &e);
    fixture_fine(eit_linear_scale(l, &scale, &e), &e);
    fixture_fine(eit_linear_solve(l, .03 * scale, y, x, &e), &e);
    fixture_fine(eit_onestep_parameter(eit_priors[k], g, n, M, s->jt, noise, 0, .03 * scale, y, w, &e), &e);
    fixture_fine(eit_linear_matrix(l, .03 * scale, b, &e), &e);
    for (int i = 0; i < n; i++) {
      u[i] = 0;
      for (int d = 0; d < M; d++) u[i] += b[(long)i * M + d] * y[d];
      off = fmax(off, fmax(fabs(x[i] - w[i]), fabs(x[i] - u[i])));
      size = fmax(size, fabs(x[i]));
    }
    printf("one step, %s: measurement and parameter space differ by %.1e\n", eit_priors[k]->name, off / size);
    CHECK(off <= 1e-8 * size);
    eit_linear_free(l);
  }
  CHECK(eit_prior_find("laplace") == eit_priors[2] && !eit_prior_find("none"));
  eit_graph_free(g);
  free(x), free(b);
}

static double sum_abs(int n, const double *x) {
  double s = 0;
  for (int i = 0; i < n; i++) s += fabs(x[i]);
  return s;
}

/* The noise figure from its definition, with the matrix. */
static double figure(eit_linear *l, double lambda, const double *y) {
  double *b = malloc((size_t)l->n * M * sizeof *b), *x = calloc((size_t)l->n, sizeof *x), vx = 0, vy = 0;
  err e = {0};
  fixture_fine(eit_linear_matrix(l, lambda, b, &e), &e);
  for (int d = 0; d < M; d++) vy += l->noise[d] * l->noise[d] / M;
  for (int p = 0; p < l->n; p++)
    for (int d = 0; d < M; d++) {
      double w = b[(long)p * M + d] * l->noise[d];
      x[p] += b[(long)p * M + d] * y[d];
      vx += w * w / l->n;
    }
  double nf = sum_abs(M, y) / M / sqrt(vy) / (sum_abs(l->n, x) / l->n / sqrt(vx));
  free(b), free(x);
  return nf;
}

static void greit(const scene *s, const eit_raster *r) {
  err e = {0};
  eit_linear *l = NULL;
  double y[M], lambda = 1, *b = malloc((size_t)r->n * M * sizeof *b), *x = malloc((size_t)r->n * sizeof *x);
  fixture_fine(eit_greit_new(&l, s->m, r, M, s->jt, s->v, NULL, NULL, &e), &e);
  eit_greit_response(s->m, M, s->jt, (double[]){0, 0}, .05, y);
  for (int d = 0; d < M; d++) y[d] /= s->v[d];
  fixture_fine(eit_linear_choose(l, .5, y, NULL, &lambda, &e), &e);
  CHECK_NEAR(figure(l, lambda, y), .5, 1e-3);
  fixture_fine(eit_linear_matrix(l, lambda, b, &e), &e);
  scene other = begin(.045, .01); /* targets are seen by another mesh, with the full model */
  double least = INFINITY, most = 0, low = INFINITY, high = 0, middle = 0, v[M];
  printf("GREIT at noise figure .5: r, amplitude/middle, position, resolution, shape, ringing\n");
  for (int q = 0; q <= 7; q++) {
    double tx = .1 * q * cos(.3), ty = .1 * q * sin(.3), strength = 0;
    for (int k = 0; k < other.m->nelems; k++) {
      double c[3];
      eit_mesh_centre(other.m, k, c);
      int in = hypot(c[0] - tx, c[1] - ty) < .06;
      other.sigma[k] = in ? 1.1 : 1;
      strength += in ? .1 * eit_mesh_measure(other.m, k) : 0;
    }
    fixture_fine(eit_forward_solve(other.f, other.sigma, other.z, v, &e), &e);
    for (int d = 0; d < M; d++) v[d] = (v[d] - other.v[d]) / other.v[d];
    for (int p = 0; p < r->n; p++) {
      x[p] = 0;
      for (int d = 0; d < M; d++) x[p] += b[(long)p * M + d] * v[d];
    }
    eit_merit t = eit_merits(r, x, tx, ty, strength);
    if (q == 0) middle = t.amplitude;
    printf("  %.1f %.3f %+.3f %.3f %.3f %.3f\n", .1 * q, t.amplitude / middle, t.position, t.resolution, t.shape,
           t.ringing);
    CHECK(fabs(t.position) <= .05 && t.shape <= .15 && t.ringing <= .3);
    CHECK(fabs(t.amplitude / middle - 1) <= .1);
    least = fmin(least, t.amplitude), most = fmax(most, t.amplitude);
    low = fmin(low, t.resolution), high = fmax(high, t.resolution);
  }
  printf("  amplitude within %.1f %%, resolution within %.1f %%\n", 100 * (most - least) / (most + least),
         100 * (high - low) / (high + low));
  CHECK(high - low <= .15 * (high + low));
  err g = {0};
  CHECK_INT(eit_linear_choose(l, 1e9, y, NULL, &lambda, &g), ERR_RUN);
  end(&other);
  eit_linear_free(l), free(b), free(x);
}

/* A target left of the middle appears there. */
static void backprojection(const scene *s, const eit_raster *r) {
  err e = {0};
  double *b = malloc((size_t)r->n * M * sizeof *b), *x = malloc((size_t)r->n * sizeof *x), y[M];
  fixture_fine(eit_backproject(s->f, s->m, s->p, r, b, &e), &e);
  eit_greit_response(s->m, M, s->jt, (double[]){-.4, .3}, .1, y);
  for (int p = 0; p < r->n; p++) {
    x[p] = 0;
    for (int d = 0; d < M; d++) x[p] += b[(long)p * M + d] * y[d] / s->v[d];
  }
  int best = 0;
  double c[2];
  for (int p = 0; p < r->n; p++)
    if (x[p] > x[best]) best = p;
  eit_raster_centre(r, best, c);
  CHECK_REPORT(hypot(c[0] + .4, c[1] - .3) < .25, "back-projection puts the target at %g, %g", c[0], c[1]);
  free(b), free(x);
}

/* The gradient of the functional vanishes, and a disk is drawn better than by a one-step image. */
static void total_variation(const scene *s, const eit_raster *r) {
  err e = {0};
  eit_graph *g = NULL;
  int n = r->n;
  double *jp = malloc((size_t)n * M * sizeof *jp), *x = calloc((size_t)n, sizeof *x), y[M], res[M], noise[M];
  double alpha = .01, beta = .05, off = 0, size = 0;
  fixture_fine(eit_graph_of_raster(&g, r, &e), &e);
  eit_raster_jacobian(r, M, s->jt, jp);
  eit_greit_response(s->m, M, s->jt, (double[]){.3, .2}, .3, y);
  for (int d = 0; d < M; d++) noise[d] = .01, y[d] += 1e-4 * wave(d);
  fixture_fine(eit_tv(g, n, M, jp, noise, alpha, beta, 1e-9, 400, y, x, &e), &e);
  for (int d = 0; d < M; d++) {
    res[d] = -y[d];
    for (int p = 0; p < n; p++) res[d] += jp[(long)p * M + d] * x[p];
    res[d] /= noise[d] * noise[d];
  }
  double *grad = calloc((size_t)n, sizeof *grad);
  for (int p = 0; p < n; p++)
    for (int d = 0; d < M; d++)
      grad[p] += 2 * jp[(long)p * M + d] * res[d], size += fabs(jp[(long)p * M + d] * res[d]) / n;
  for (int k = 0; k < g->nsides; k++) {
    int i = g->side[k][0], j = g->side[k][1];
    double d = alpha * g->length[k] * (x[i] - x[j]) / sqrt((x[i] - x[j]) * (x[i] - x[j]) + beta * beta);
    grad[i] += d, grad[j] -= d;
  }
  for (int p = 0; p < n; p++) off = fmax(off, fabs(grad[p]));
  CHECK_REPORT(off <= 1e-6 * size, "gradient %g of %g", off, size);
  double inside = 0, outside = 0, c[2];
  int ni = 0, no = 0;
  for (int p = 0; p < n; p++) {
    eit_raster_centre(r, p, c);
    double d = hypot(c[0] - .3, c[1] - .2);
    if (d < .2) inside += x[p], ni++;
    if (d > .4) outside += fabs(x[p]), no++;
  }
  printf("total variation: %.3f inside a disk of 1, %.4f outside\n", inside / ni, outside / no);
  CHECK(inside / ni > .8 && outside / no < .05);
  eit_graph_free(g);
  free(jp), free(x), free(grad);
}

/* Conductivity and contact impedances of a homogeneous body from voltages of a finer mesh. */
static void homogeneous_fit(const scene *s) {
  scene fine = begin(.06, .004);
  err e = {0};
  double v[M], ln_sigma = log(.5), z[L];
  eit_fit_result result;
  for (int k = 0; k < fine.m->nelems; k++) fine.sigma[k] = .424;
  for (int l = 0; l < L; l++) fine.z[l] = .05 * (1 + .5 * sin(l)), z[l] = .02;
  fixture_fine(eit_forward_solve(fine.f, fine.sigma, fine.z, v, &e), &e);
  eit_fit_spec spec = {.pull = 1e-12, .pull_z = 1e-12, .tol = 1e-10, .most = 50};
  fixture_fine(eit_fit(s->f, s->m, s->p, NULL, NULL, v, NULL, &spec, &ln_sigma, z, &result, &e), &e);
  printf("fit of a homogeneous body: sigma %.5f (.424), %d iterations, misfit %.1e\n", exp(ln_sigma), result.iterations,
         result.misfit);
  CHECK_REL(exp(ln_sigma), .424, 5e-3);
  /* data of the same mesh: exact */
  for (int k = 0; k < s->m->nelems; k++) s->sigma[k] = .424;
  ln_sigma = log(.5);
  for (int l = 0; l < L; l++) z[l] = .02;
  fixture_fine(eit_forward_solve(s->f, s->sigma, fine.z, v, &e), &e);
  fixture_fine(eit_fit(s->f, s->m, s->p, NULL, NULL, v, NULL, &spec, &ln_sigma, z, &result, &e), &e);
  CHECK_REL(exp(ln_sigma), .424, 1e-6);
  for (int l = 0; l < L; l++) CHECK_REL(z[l], fine.z[l], 1e-3);
  end(&fine);
}

static void absolute_image(const scene *s, const eit_raster *r) {
  scene fine = begin(.05, .01);
  err e = {0};
  eit_graph *g = NULL;
  double v[M], noise[M], z[L], *x = calloc((size_t)r->n, sizeof *x), c[3];
  eit_fit_result result;
  for (int k = 0; k < fine.m->nelems; k++) {
    eit_mesh_centre(fine.m, k, c);
    fine.sigma[k] = hypot(c[0] - .4, c[1]) < .25 ? 2 : hypot(c[0] + .4, c[1] - .1) < .25 ? .5 : 1;
  }
  fixture_fine(eit_forward_solve(fine.f, fine.sigma, fine.z, v, &e), &e);
  for (int d = 0; d < M; d++) noise[d] = 2e-3 * fabs(v[d]);
  for (int l = 0; l < L; l++) z[l] = .02;
  fixture_fine(eit_graph_of_raster(&g, r, &e), &e);
  eit_fit_spec spec = {.smooth = 20, .beta = .02, .pull = 1e-3, .pull_z = 1, .most = 12};
  fixture_fine(eit_fit(s->f, s->m, s->p, r, g, v, noise, &spec, x, z, &result, &e), &e);
  double high = 0, low = 0, rest = 0;
  int n[3] = {0};
  for (int p = 0; p < r->n; p++) {
    eit_raster_centre(r, p, c);
    double a = hypot(c[0] - .4, c[1]), b = hypot(c[0] + .4, c[1] - .1);
    if (a < .15) high += x[p], n[0]++;
    if (b < .15) low += x[p], n[1]++;
    if (a > .4 && b > .4) rest += fabs(x[p]), n[2]++;
  }
  printf(
      "absolute image: sigma %.3f (2), %.3f (.5), elsewhere off by a factor %.3f; %d iterations, misfit %.0f of %d\n",
      exp(high / n[0]), exp(low / n[1]), exp(rest / n[2]), result.iterations, result.misfit, M);
  CHECK_NEAR(high / n[0], log(2), .12);
  CHECK_NEAR(low / n[1], log(.5), .12);
  CHECK(rest / n[2] < .06);
  end(&fine);
  eit_graph_free(g);
  free(x);
}

int main(void) {
  products();
  scene coarse = begin(.2, .05), s = begin(.06, .015);
  err e = {0};
  eit_raster *r = NULL;
  fixture_fine(eit_raster_square(&r, s.m, 32, &e), &e);
  pixels(&s, r);
  two_forms(&coarse);
  greit(&s, r);
  backprojection(&s, r);
  total_variation(&s, r);
  absolute_image(&s, r);
  homogeneous_fit(&s);
  eit_raster_free(r);
  end(&s), end(&coarse);
  return check_done();
}
