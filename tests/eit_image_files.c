/* eit_image_files.c FOLDER: recordings with known contents for app_eit_image.sh, from the forward model on a mesh of
 * its own:
 *   breath.csv   16 electrodes, anticlockwise from the top; 100 frames for 10 Hz of two lungs that breathe at .4 Hz,
 * the one at x = .45 twice as much as the other; images.csv the truth as 32 x 32 pixels water.mat, tank.mat, truth.mat
 * a tank in the format of the Kuopio challenge, one resistive disk short.csv (a row cut off), half.mat (half of
 * tank.mat), small.mat (a truth of 8 x 8) */
#include "eit_files.h"
#include "eit_fixture.h"

enum { L = 16, M = 208, T = 100, SIDE = 32, TRUTH = 256 };

static char folder[300];

static void write_file(const char *name, const eit_file *f, size_t n) {
  char path[400];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *to = fopen(path, "wb");
  CHECK(to && fwrite(f->bytes, 1, n, to) == n && !fclose(to));
}

static eit_mesh *body(double radius, double edge) {
  eit_electrode l[L];
  eit_mesh *m = NULL;
  err e = {0};
  for (int k = 0; k < L; k++)
    l[k] = (eit_electrode){.angle = FIXTURE_PI / 2 + 2 * FIXTURE_PI * k / L, .half = FIXTURE_PI / (2 * L)};
  eit_mesh_spec s = {
      .outline = {.radius = radius}, .nelectrodes = L, .electrode = l, .h = .07 * radius, .h_edge = edge * radius};
  fixture_fine(eit_mesh_new(&m, &s, &e), &e);
  return m;
}

static double gas(int t) {
  return .5 - .5 * cos(2 * FIXTURE_PI * .4 * (t + 3) / 10);
}

/* Relative change of conductivity. */
static double lungs(double x, double y, int t) {
  if (hypot(x - .45, y + .1) < .3) return -.2 * gas(t);
  return hypot(x + .45, y + .1) < .3 ? -.1 * gas(t) : 0;
}

static void numbers(eit_file *f, int n, const double *x) {
  char text[40];
  for (int i = 0; i < n; i++) snprintf(text, sizeof text, "%.9g%c", x[i], i + 1 < n ? ',' : '\n'), file_text(f, text);
}

static void breath(void) {
  err e = {0};
  eit_mesh *m = body(1, .025);
  eit_protocol *p = NULL;
  eit_forward *f = NULL;
  eit_file volts = {0}, images = {0};
  double *sigma = malloc((size_t)m->nelems * sizeof *sigma), z[L], v[M], c[3], pixel[SIDE * SIDE];
  fixture_fine(eit_protocol_pairs(&p, L, 1, true, 1, &e), &e);
  fixture_fine(eit_forward_new(&f, m, p, EIT_COMPLETE, &e), &e);
  for (int k = 0; k < L; k++) z[k] = .02;
  for (int t = 0; t < T; t++) {
    for (int k = 0; k < m->nelems; k++) eit_mesh_centre(m, k, c), sigma[k] = 1 + lungs(c[0], c[1], t);
    fixture_fine(eit_forward_solve(f, sigma, z, v, &e), &e);
    for (int d = 0; d < M; d++) v[d] *= .37; /* of unknown scale */
    numbers(&volts, M, v);
    for (int i = 0; i < SIDE * SIDE; i++)
      pixel[i] = -lungs((i % SIDE + .5) * 2 / SIDE - 1, 1 - (i / SIDE + .5) * 2 / SIDE, t);
    numbers(&images, SIDE * SIDE, pixel);
  }
  write_file("breath.csv", &volts, volts.n), write_file("short.csv", &volts, volts.n - 40);
  write_file("images.csv", &images, images.n);
  free(volts.bytes), free(images.bytes), free(sigma);
  eit_forward_free(f), eit_protocol_free(p), eit_mesh_free(m);
}

static bool inside(double x, double y) {
  return hypot(x + .3, y - .2) < .3;
}

static eit_file mat_file(void) {
  eit_file f = {0};
  char header[128] = "MATLAB 5.0 MAT-file";
  header[124] = 0, header[125] = 1, header[126] = 'I', header[127] = 'M';
  file_put(&f, header, 128);
  return f;
}

static void tank(void) {
  const double radius = .115;
  err e = {0};
  eit_mesh *m = body(radius, .006);
  eit_protocol *p = NULL;
  eit_forward *f = NULL;
  double drive[L * L] = {0}, meas[L * (L - 1)] = {0}, ampere[L * L], v[L * (L - 1)], z[L], c[3],
                   *sigma = malloc((size_t)m->nelems * sizeof *sigma), *truth = malloc(TRUTH * TRUTH * sizeof *truth);
  for (int k = 0; k < L; k++) drive[k * L + k] = 2, drive[k * L + (k + 1) % L] = -2, z[k] = .5;
  for (int k = 0; k < L - 1; k++) meas[k * L + k] = 1, meas[k * L + k + 1] = -1;
  for (int i = 0; i < L * L; i++) ampere[i] = 1e-3 * drive[i];
  fixture_fine(eit_protocol_new(&p, L, L, ampere, L - 1, meas, NULL, &e), &e);
  fixture_fine(eit_forward_new(&f, m, p, EIT_COMPLETE, &e), &e);
  for (int with = 0; with < 2; with++) {
    eit_file out = mat_file();
    for (int k = 0; k < m->nelems; k++) {
      eit_mesh_centre(m, k, c);
      sigma[k] = with && inside(c[0] / radius, c[1] / radius) ? 1e-4 : 1e-3;
    }
    fixture_fine(eit_forward_solve(f, sigma, z, v, &e), &e);
    file_mat(&out, with ? "Inj" : "Injref", L, L, drive, 1), file_mat(&out, "Mpat", L, L - 1, meas, 1);
    file_mat(&out, with ? "Uel" : "Uelref", L * (L - 1), 1, v, 1);
    write_file(with ? "tank.mat" : "water.mat", &out, out.n);
    if (with) write_file("half.mat", &out, out.n / 2);
    free(out.bytes);
  }
  for (int i = 0; i < TRUTH * TRUTH; i++) /* by columns */
    truth[i] = inside((i / TRUTH + .5) * 2 / TRUTH - 1, 1 - (i % TRUTH + .5) * 2 / TRUTH);
  for (int small = 0; small < 2; small++) {
    eit_file out = mat_file();
    file_mat(&out, "truth", small ? 8 : TRUTH, small ? 8 : TRUTH, truth, 1);
    write_file(small ? "small.mat" : "truth.mat", &out, out.n);
    free(out.bytes);
  }
  free(sigma), free(truth), eit_forward_free(f), eit_protocol_free(p), eit_mesh_free(m);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  snprintf(folder, sizeof folder, "%s", argv[1]);
  breath();
  tank();
  return check_done();
}
