/* eit.c: impedance tomography on one core, in processor time, which other jobs hardly touch: forward solution,
 * Jacobian, mesh to image, frames per second. Floors: the work in flops at the rate of a large dense product of this
 * room, or its bytes at the rate of a memset, measured here. Peers: figures of other programs on other machines, as
 * noted in the issue. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "signals/dense.h"
#include "signals/eit_forward.h"
#include "signals/eit_image.h"

#define PI 3.14159265358979323846
enum { L = 16, M = 208 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double *numbers(size_t n) {
  double *x = malloc(n * sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = 1e-3 * (double)(i % 97);
  return x;
}

static double flops, bytes; /* per second */

static void rates(void) {
  enum { N = 512 };
  double *a = numbers(N * N), *b = numbers(N * N), *c = numbers(N * N), best = 1e9;
  for (int i = 0; i < 10; i++) {
    double t = now();
    dense_product(N, N, N, a, b, c);
    t = now() - t;
    if (t < best) best = t;
  }
  flops = 2. * N * N * N / best, best = 1e9;
  size_t n = 4 << 20;
  double *x = numbers(n / 8);
  for (int i = 0; i < 50; i++) {
    double t = now();
    memset(x, i, n);
    t = now() - t;
    if (t < best) best = t;
  }
  bytes = (double)n / best;
  free(a), free(b), free(c), free(x);
  printf("floors: %.1f GFLOP/s, %.1f GB/s written\n\n", 1e-9 * flops, 1e-9 * bytes);
  printf("%-46s %10s %10s %8s  %s\n", "", "ms", "floor ms", "ratio", "peers and goals");
}

static void line(const char *what, double seconds, double floor, const char *peers) {
  printf("%-46s %10.3f %10.3f %8.1f  %s\n", what, 1e3 * seconds, 1e3 * floor, seconds / floor, peers);
}

static eit_mesh *disk(double h, double h_edge) {
  eit_electrode l[L];
  eit_mesh *m = NULL;
  err e = {0};
  for (int k = 0; k < L; k++) l[k] = (eit_electrode){.angle = 2 * PI * k / L, .half = .1};
  eit_mesh_new(&m, &(eit_mesh_spec){{1}, L, l, h, h_edge, .3, 0, 1}, &e);
  return m;
}

static void forward(double h, double h_edge, const char *peers, const char *peers_jacobian) {
  err e = {0};
  eit_mesh *m = disk(h, h_edge);
  eit_protocol *p;
  eit_forward *f;
  char what[100];
  eit_protocol_pairs(&p, L, 1, true, 1, &e);
  eit_forward_new(&f, m, p, EIT_COMPLETE, &e);
  double *sigma = numbers((size_t)m->nelems), z[L], v[M], *jt = numbers((size_t)m->nelems * M), solve = 1e9,
         jacobian = 1e9;
  for (int k = 0; k < m->nelems; k++) sigma[k] = 1 + .001 * (k % 100);
  for (int l = 0; l < L; l++) z[l] = .02;
  for (int i = 0; i < 200; i++) {
    double t = now();
    eit_forward_solve(f, sigma, z, v, &e);
    double u = now();
    eit_forward_jacobian(f, jt, NULL, &e);
    double w = now();
    if (u - t < solve) solve = u - t;
    if (w - u < jacobian) jacobian = w - u;
  }
  double fill = (double)eit_forward_fill(f);
  snprintf(what, sizeof what, "forward, 16 drives, %d elements", m->nelems);
  line(what, solve, (fill * fill / m->nnodes + 4 * L * fill) / flops, peers);
  snprintf(what, sizeof what, "Jacobian 208 x %d", m->nelems);
  line(what, jacobian, 8. * M * m->nelems / bytes, peers_jacobian);
  eit_forward_free(f), eit_protocol_free(p), eit_mesh_free(m), free(sigma), free(jt);
}

/* From the description of a body to the image of one frame, nothing kept from before. */
static double mesh_to_image(int *nelems) {
  err e = {0};
  double z[L], v[M], y[M], t = now();
  eit_mesh *m = disk(.034, .01);
  eit_protocol *p;
  eit_forward *f;
  eit_linear *l;
  eit_protocol_pairs(&p, L, 1, true, 1, &e);
  eit_forward_new(&f, m, p, EIT_COMPLETE, &e);
  size_t n = (size_t)m->nelems;
  double *sigma = malloc(n * sizeof *sigma), *jt = malloc(n * M * sizeof *jt), *x = malloc(n * sizeof *x);
  for (size_t k = 0; k < n; k++) sigma[k] = 1;
  for (int i = 0; i < L; i++) z[i] = .02;
  eit_forward_solve(f, sigma, z, v, &e);
  eit_forward_jacobian(f, jt, NULL, &e);
  for (int d = 0; d < M; d++) y[d] = .01 * v[d];
  eit_onestep_new(&l, eit_prior_find("noser"), NULL, m->nelems, M, jt, NULL, 0, &e);
  eit_linear_solve(l, .1, y, x, &e);
  t = now() - t;
  *nelems = m->nelems;
  eit_linear_free(l), eit_forward_free(f), eit_protocol_free(p), eit_mesh_free(m), free(sigma), free(jt), free(x);
  return t;
}

static void frames(int count) {
  enum { PIXELS = 812 };
  double *bt = numbers(M * PIXELS), *y = numbers((size_t)count * M), *x = numbers((size_t)count * PIXELS), best = 1e9;
  for (int i = 0; i < 20; i++) {
    double t = now();
    eit_apply(count, PIXELS, M, bt, y, x);
    t = now() - t;
    if (t < best) best = t;
  }
  char what[100], rate[100];
  snprintf(what, sizeof what, "%d frames to %d pixels", count, PIXELS);
  snprintf(rate, sizeof rate, "%.0f frames/s (goal 10000)", count / best);
  line(what, best, 2. * M * PIXELS * count / flops, rate);
  free(bt), free(y), free(x);
}

int main(void) {
  int n = 0;
  double best = 1e9;
  char what[100];
  rates();
  forward(.115, .04, "goal 0.8; pyEIT 32-48, SciPy 3.5", "goal 0.5; pyEIT 138-279, SciPy 3.8");
  forward(.052, .02, "SciPy 12.4", "SciPy 14");
  for (int i = 0; i < 5; i++) {
    double t = mesh_to_image(&n);
    if (t < best) best = t;
  }
  snprintf(what, sizeof what, "mesh to one-step image, %d elements", n);
  line(what, best, 2. * M * M * n / flops, "goal 350; PyEIDORS 7080 (18474 elements)");
  frames(1);
  frames(64);
  return 0;
}
