/* test_eit_real.c CMAKE [full|chosen]: real recordings and tanks. Archives are unpacked by `CMAKE -E tar` into a folder
 * of their own. Without the folder of real data: skipped. */
#include <dirent.h>

#include "eit_fixture.h"
#include "real_data.h"
#include "signals/eit_clinical.h"
#include "signals/eit_fit.h"
#include "signals/eit_greit.h"
#include "signals/eit_ktc.h"
#include "signals/mat.h"

enum { M = 208, SIDE = 32 };

static char folder[] = "/tmp/spinet_eit_XXXXXX";

static void unpack(const char *cmake, const char *name) {
  char command[3 * PATH_MAX], archive[PATH_MAX];
  CHECK(realpath(real_data(name), archive) != NULL);
  snprintf(command, sizeof command, "cd '%s' && '%s' -E tar xf '%s'", folder, cmake, archive);
  CHECK(system(command) == 0);
}

static const char *unpacked(const char *name) {
  static char path[2][PATH_MAX];
  static int turn;
  turn = !turn;
  snprintf(path[turn], PATH_MAX, "%s/%s", folder, name);
  return path[turn];
}

static eit_record *record(const char *path) {
  err e = {0};
  eit_record *r = NULL;
  fixture_fine(eit_read(&r, path, NULL, &e), &e);
  return r;
}

/* ---- a ventilated neonate, and an adult ---- */

static double reciprocity(const eit_record *r) {
  double mean[M];
  eit_record_mean(r, 0, r->nframes, mean);
  return eit_protocol_reciprocity(r->protocol, mean);
}

static void recordings(void) {
  eit_record *neonate = record(unpacked("nm18.get")), *adult = record(real_data("eit/ID_SC_10_60.eit"));
  if (!neonate || !adult) return;
  CHECK_TEXT(neonate->format, "get");
  CHECK_INT(neonate->nframes, 750);
  CHECK_REL(neonate->rate, 13, 1e-12);
  double *sum = malloc(750 * sizeof *sum);
  eit_global(neonate->nframes, neonate->ndata, neonate->data, sum);
  double f = eit_dominant_frequency(neonate->nframes, sum, neonate->rate, .1, 3);
  printf("neonate: %d frames, dominant frequency %.4f Hz, reciprocity error %.3f %%\n", neonate->nframes, f,
         100 * reciprocity(neonate));
  CHECK_NEAR(f, .485, .01);
  CHECK_NEAR(100 * reciprocity(neonate), .27, .005);
  CHECK_NEAR(neonate->aux[0], 4.75e-3, 5e-5); /* A */
  CHECK_TEXT(adult->format, "draeger-eit");
  CHECK_INT(adult->nframes, 60);
  CHECK_REL(adult->rate, 20, 1e-12);
  CHECK_NEAR(adult->time[59], 59 * .05, 1e-3);
  CHECK_NEAR(adult->aux[0], 8.79, .02); /* mA */
  printf("PulmoVista: %d frames, reciprocity error %.3f %%\n", adult->nframes, 100 * reciprocity(adult));
  CHECK_NEAR(100 * reciprocity(adult), .39, .005);
  free(sum), eit_record_free(neonate), eit_record_free(adult);
}

/* ---- a published GREIT matrix ---- */

static void flip_electrodes(double (*b)[16][SIDE][SIDE], const int el[16], int how) {
  double(*c)[16][SIDE][SIDE] = malloc(sizeof(double[16][16][SIDE][SIDE]));
  for (int a = 0; a < 16; a++)
    for (int q = 0; q < 16; q++)
      for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
          int r = how == 0 ? SIDE - 1 - i : how == 2 ? j : i, s = how == 1 ? SIDE - 1 - j : how == 2 ? i : j;
          c[a][q][i][j] = b[a][q][i][j] + b[el[a]][el[q]][r][s];
        }
  memcpy(b, c, sizeof(double[16][16][SIDE][SIDE]));
  free(c);
}

/* The stored eighth (104 pairs with a < b, 120 pixels) by the symmetries of the disk: [pair][pair][row][col]. */
static double (*published(void))[16][SIDE][SIDE] {
  err e = {0};
  mat *m = NULL;
  fixture_fine(mat_read(&m, real_data("eit/GREIT_v10_Circ_Matrix.mat"), &e), &e);
  const mat_array *packed = m ? mat_find(m, "GREIT_v10_Circ_Matrix") : NULL;
  double(*b)[16][SIDE][SIDE] = calloc(16, sizeof *b);
  CHECK(packed && packed->rows == 104 && packed->cols == 120);
  int row = 0, el[3][16];
  for (int x = 0; x < 16; x++)
    for (int y = 0; y < 16; y++) {
      if (y - x <= 1 || y - x >= 15) continue;
      int col = 0;
      for (int j = 0; j < SIDE; j++)
        for (int i = 0; i < SIDE; i++) {
          double u = j - 15.5, v = i - 15.5;
          if (!(fabs(u - v) < 25 && fabs(u + v) < 25 && u < 0 && v < 0 && u >= v)) continue;
          b[y][x][i][j] = b[x][y][i][j] = packed->x[(long)col++ * 104 + row];
        }
      CHECK_INT(col, 120);
      row++;
    }
  for (int l = 0; l < 16; l++)
    el[0][l] = 15 - l, el[1][l] = l < 8 ? 7 - l : 23 - l, el[2][l] = l < 12 ? 11 - l : 27 - l;
  for (int how = 0; how < 3; how++) flip_electrodes(b, el[how], how);
  mat_free(m);
  return b;
}

static double correlation(int n, const double *x, const double *y) {
  double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
  for (int i = 0; i < n; i++) mx += x[i] / n, my += y[i] / n;
  for (int i = 0; i < n; i++) {
    xx += (x[i] - mx) * (x[i] - mx), yy += (y[i] - my) * (y[i] - my), xy += (x[i] - mx) * (y[i] - my);
  }
  return xy / sqrt(xx * yy);
}

typedef struct ours {
  eit_mesh *m;
  eit_protocol *p;
  eit_raster *r;
  double *jt, v[M], *b;
} ours;

/* GREIT on a cylinder with one belt, height 2 R, trained with balls at the height of the belt; noise figure 1, since .5
 * is out of reach there. */
static ours train(void) {
  ours o = {0};
  err e = {0};
  eit_electrode l[16];
  eit_forward *f = NULL;
  eit_linear *g = NULL;
  eit_mesh *flat = NULL;
  double z[16], y[M], lambda = 1;
  for (int k = 0; k < 16; k++) l[k] = (eit_electrode){.angle = 2 * FIXTURE_PI * k / 16, .half = .1};
  eit_mesh_spec s = {.outline = {.radius = 1}, .nelectrodes = 16, .electrode = l, .h = .14, .h_edge = .08};
  fixture_fine(eit_mesh_new(&flat, &s, &e), &e);
  fixture_fine(eit_mesh_extrude(&o.m, flat, 2, .9, 1.1, .3, .1, &e), &e);
  fixture_fine(eit_protocol_pairs(&o.p, 16, 1, true, 1, &e), &e);
  fixture_fine(eit_forward_new(&f, o.m, o.p, EIT_COMPLETE, &e), &e);
  double *sigma = malloc((size_t)o.m->nelems * sizeof *sigma);
  o.jt = malloc((size_t)o.m->nelems * M * sizeof *o.jt);
  for (int k = 0; k < o.m->nelems; k++) sigma[k] = 1;
  for (int k = 0; k < 16; k++) z[k] = .02;
  fixture_fine(eit_forward_solve(f, sigma, z, o.v, &e), &e);
  fixture_fine(eit_forward_jacobian(f, o.jt, NULL, &e), &e);
  fixture_fine(eit_raster_square(&o.r, flat, SIDE, &e), &e);
  eit_greit_spec spec = {.targets = 800, .blob = .2, .radius = .08, .z = 1};
  fixture_fine(eit_greit_new(&g, o.m, o.r, M, o.jt, o.v, NULL, &spec, &e), &e);
  eit_greit_response(o.m, M, o.jt, (double[]){0, 0, 1}, .08, y);
  for (int d = 0; d < M; d++) y[d] /= o.v[d];
  fixture_fine(eit_linear_choose(g, 1, y, NULL, &lambda, &e), &e);
  o.b = malloc((size_t)o.r->n * M * sizeof *o.b);
  fixture_fine(eit_linear_matrix(g, lambda, o.b, &e), &e);
  eit_linear_free(g), eit_forward_free(f), eit_mesh_free(flat), free(sigma);
  return o;
}

/* Images of normalised data y by both, on the pixels that both have; their correlation. The published grid is turned by
 * one of eight symmetries. */
static double compare(const ours *o, double (*b)[16][SIDE][SIDE], const double *y, int turn) {
  double a[SIDE * SIDE], c[SIDE * SIDE];
  int n = 0;
  for (int p = 0; p < o->r->n; p++) {
    int i = o->r->place[p] / SIDE, j = o->r->place[p] % SIDE, r = turn & 1 ? SIDE - 1 - i : i,
        s = turn & 2 ? SIDE - 1 - j : j;
    if (turn & 4) {
      int t = r;
      r = s, s = t;
    }
    double u = s - 15.5, v = r - 15.5;
    if (!(fabs(u - v) < 25 && fabs(u + v) < 25)) continue;
    a[n] = c[n] = 0;
    for (int d = 0; d < M; d++) {
      int drive = o->p->drive[d], meas = o->p->meas[d];
      a[n] += o->b[(long)p * M + d] * y[d], c[n] += b[meas][drive][r][s] * y[d];
    }
    n++;
  }
  return correlation(n, a, c);
}

static void greit(void) {
  double(*b)[16][SIDE][SIDE] = published(), y[M], best = -2;
  ours o = train();
  int turn = 0;
  for (int t = 0; t < 8; t++) { /* how the published grid lies: by one target off every symmetry */
    eit_greit_response(o.m, M, o.jt, (double[]){.5, .2, 1}, .1, y);
    for (int d = 0; d < M; d++) y[d] /= o.v[d];
    double c = fabs(compare(&o, b, y, t));
    if (c > best) best = c, turn = t;
  }
  double least = 1, sign = 1;
  for (int k = 0; k < 24; k++) {
    double r = .08 + .65 * k / 24, phi = 2.4 * k;
    eit_greit_response(o.m, M, o.jt, (double[]){r * cos(phi), r * sin(phi), 1}, .1, y);
    for (int d = 0; d < M; d++) y[d] /= o.v[d];
    double c = compare(&o, b, y, turn);
    if (k == 0) sign = c < 0 ? -1 : 1;
    least = fmin(least, sign * c);
  }
  eit_record *neonate = record(unpacked("nm18.get"));
  double *sum = malloc(750 * sizeof *sum), mean[M], total = 0;
  eit_breath breath[100];
  eit_global(neonate->nframes, M, neonate->data, sum);
  int n = eit_breaths(neonate->nframes, sum, 0, 100, breath);
  eit_record_mean(neonate, 0, neonate->nframes, mean);
  for (int d = 0; d < M; d++) {
    y[d] = 0;
    for (int k = 0; k < n; k++)
      y[d] += (neonate->data[(long)breath[k].top * M + d] - neonate->data[(long)breath[k].start * M + d]) / mean[d] / n;
    total += y[d];
  }
  double real = sign * compare(&o, b, y, turn);
  printf(
      "GREIT against the published matrix: least correlation of 24 targets at r <= .73 R %.3f, tidal image of the "
      "neonate "
      "(%d breaths) %.3f\n",
      least, n, real);
  CHECK(least >= .9 && real >= .9);
  CHECK(n >= 20 && total != 0);
  free(sum), free(b), free(o.jt), free(o.b);
  eit_record_free(neonate), eit_raster_free(o.r), eit_mesh_free(o.m), eit_protocol_free(o.p);
}

/* ---- the tank of Rensselaer ---- */

/* Plane model of the tank: one conductivity times height and one contact impedance. The files do not say how deep the
 * water was: 424 mS/m as noted there belong to 1.385 cm, a little less than the electrodes' 1.6 cm. */
static void rensselaer(void) {
  eit_record *r = record(unpacked("ACT2006r.txt"));
  err e = {0};
  eit_electrode l[32];
  eit_mesh *m = NULL;
  eit_forward *f = NULL;
  const double radius = .15;
  for (int k = 0; k < 32; k++) l[k] = (eit_electrode){.angle = 2 * FIXTURE_PI * (k + 1) / 32, .half = .0125 / radius};
  eit_mesh_spec s = {.outline = {.radius = radius}, .nelectrodes = 32, .electrode = l, .h = .01, .h_edge = .001};
  fixture_fine(eit_mesh_new(&m, &s, &e), &e);
  fixture_fine(eit_forward_new(&f, m, r->protocol, EIT_COMPLETE, &e), &e);
  for (int d = 0; d < 31; d++) { /* voltages against their mean, as in the model */
    double mean = 0;
    for (int k = 0; k < 32; k++) mean += r->data[32 * d + k] / 32;
    for (int k = 0; k < 32; k++) r->data[32 * d + k] -= mean;
  }
  double sheet = log(5e-3), z[32], noise[992], v[992], off = 0, size = 0,
         *sigma = malloc((size_t)m->nelems * sizeof *sigma);
  eit_fit_result result;
  eit_fit_spec spec = {.pull = 1e-9, .most = 20};
  double best = INFINITY, at[2] = {0};
  for (int d = 0; d < 992; d++) noise[d] = 1e-3;
  for (int step = 0; step < 9; step++) { /* one impedance for all electrodes: the best of a scan */
    for (int k = 0; k < 32; k++) z[k] = pow(10, -4 + .25 * step);
    fixture_fine(eit_fit(f, m, r->protocol, NULL, NULL, r->data, noise, &spec, &sheet, z, &result, &e), &e);
    if (result.misfit < best) best = result.misfit, at[0] = exp(sheet), at[1] = z[0];
  }
  for (int k = 0; k < m->nelems; k++) sigma[k] = at[0];
  for (int k = 0; k < 32; k++) z[k] = at[1];
  fixture_fine(eit_forward_solve(f, sigma, z, v, &e), &e);
  for (int d = 0; d < 992; d++) off += pow(v[d] - r->data[d], 2), size += pow(r->data[d], 2);
  printf(
      "Rensselaer tank of water: conductivity times height %.3f mS = 424 mS/m x %.3f cm, one contact impedance %.1e "
      "Ohm m, "
      "voltages within %.2f %%\n",
      1e3 * at[0], 100 * at[0] / .424, at[1], 100 * sqrt(off / size));
  CHECK(off <= .05 * .05 * size);
  CHECK(at[0] > .424 * .013 && at[0] < .424 * .016);
  free(sigma), eit_forward_free(f), eit_mesh_free(m), eit_record_free(r);
}

/* ---- the Kuopio tank ---- */

static void truth_of(int level, int target, int *truth) {
  char name[200];
  err e = {0};
  mat *m = NULL;
  snprintf(name, sizeof name, "EvaluationData/GroundTruths/level_%d/%d_true.mat", level, target);
  fixture_fine(mat_read(&m, unpacked(name), &e), &e);
  const mat_array *a = m ? mat_find(m, "truth") : NULL;
  CHECK(a && a->rows == EIT_KTC_SIDE && a->cols == EIT_KTC_SIDE);
  for (int i = 0; a && i < EIT_KTC_SIDE * EIT_KTC_SIDE; i++)
    truth[i] = (int)a->x[(long)(i % EIT_KTC_SIDE) * EIT_KTC_SIDE + i / EIT_KTC_SIDE];
  mat_free(m);
}

enum { PIXELS = EIT_KTC_SIDE * EIT_KTC_SIDE, SMOOTH = 3, CUTS = 3 };
static const double smooths[SMOOTH] = {10, 20, 40}, cuts[CUTS] = {.5, .6, .7};

typedef struct tank_of {
  eit_record *water, *tank;
  int truth[PIXELS];
} tank_of;

static void read_tank(tank_of *t, int level, int k) {
  char name[200];
  snprintf(name, sizeof name, "EvaluationData/evaluation_datasets/level%d/ref.mat", level);
  t->water = record(unpacked(name));
  snprintf(name, sizeof name, "EvaluationData/evaluation_datasets/level%d/data%d.mat", level, k);
  t->tank = record(unpacked(name));
  truth_of(level, k, t->truth);
}

static double score_of(const tank_of *t, const int *label) {
  double score = 0;
  err e = {0};
  fixture_fine(eit_ktc_score(EIT_KTC_SIDE, EIT_KTC_SIDE, t->truth, label, &score, &e), &e);
  return score;
}

/* score (n) of one target, classes cut at cut[n]. */
static void scores_of(const tank_of *t, double smooth, const double *cut, int n, double *score) {
  static int label[PIXELS];
  static double change[32 * 32], fine[PIXELS];
  eit_tank spec = eit_ktc_tank;
  eit_mesh *m = NULL;
  err e = {0};
  if (!fixture_fine(eit_ktc_mesh(&m, 32, &e), &e)) return;
  spec.m = m, spec.smooth = smooth;
  fixture_fine(eit_tank_change(&spec, t->water, t->tank, change, &e), &e);
  for (int q = 0; q < n; q++) {
    eit_ktc_classify(32, change, cut[q], .8, .05, fine, label);
    score[q] = score_of(t, label);
  }
  eit_mesh_free(m);
}

static double target(int level, int k) {
  static int water[PIXELS];
  static tank_of t;
  double score = 0, cut = .6;
  read_tank(&t, level, k);
  scores_of(&t, eit_ktc_tank.smooth, &cut, 1, &score);
  double empty = score_of(&t, water);
  printf("Kuopio level %d target %d: score %.3f, water alone %.3f\n", level, k, score, empty);
  CHECK_NEAR(score_of(&t, t.truth), 1, 1e-9);
  CHECK(score > empty);
  eit_record_free(t.water), eit_record_free(t.tank);
  return score;
}

/* Weight and cut chosen on two levels, or on one, and scored on those left out. */
static void kuopio_chosen(void) {
  static tank_of t;
  static double mean[3][SMOOTH][CUTS];
  for (int level = 0; level < 3; level++)
    for (int k = 1; k <= 3; k++) {
      read_tank(&t, 2 * level + 1, k);
      for (int s = 0; s < SMOOTH; s++) {
        double score[CUTS];
        scores_of(&t, smooths[s], cuts, CUTS, score);
        for (int c = 0; c < CUTS; c++) mean[level][s][c] += score[c] / 3;
      }
      eit_record_free(t.water), eit_record_free(t.tank);
    }
  for (int s = 0; s < SMOOTH; s++)
    for (int c = 0; c < CUTS; c++)
      printf("Kuopio, smooth %2.0f, part %.1f: levels 1, 3, 5 %.3f %.3f %.3f\n", smooths[s], cuts[c], mean[0][s][c],
             mean[1][s][c], mean[2][s][c]);
  for (int by = 1; by < 8; by++) { /* the levels that choose, one bit each */
    int best = 0;
    double most = -1;
    for (int q = 0; q < SMOOTH * CUTS; q++) {
      double sum = 0;
      for (int level = 0; level < 3; level++) sum += by >> level & 1 ? mean[level][q / CUTS][q % CUTS] : 0;
      if (sum > most) most = sum, best = q;
    }
    printf("Kuopio, chosen on");
    for (int level = 0; level < 3; level++)
      if (by >> level & 1) printf(" %d", 2 * level + 1);
    printf(": smooth %.0f, part %.1f;", smooths[best / CUTS], cuts[best % CUTS]);
    for (int level = 0; level < 3; level++)
      printf(" level %d %.3f%s", 2 * level + 1, mean[level][best / CUTS][best % CUTS], level < 2 ? "," : "\n");
  }
}

static void kuopio(int full) {
  if (!full) CHECK(target(1, 1) > .75);
  for (int level = 1; level <= 5 && full; level += 2) {
    double mean = 0;
    for (int k = 1; k <= 3; k++) mean += target(level, k) / 3;
    printf("Kuopio level %d: mean score %.3f\n", level, mean);
    if (level == 1) CHECK(mean >= .75);
  }
}

int main(int argc, char **argv) {
  if (argc < 2 || !real_data("eit/KTC_levels_1_3_5.zip")) return REAL_DATA_SKIP;
  CHECK(mkdtemp(folder) != NULL);
  unpack(argv[1], "eit/if-neonate-ventilated.zip");
  unpack(argv[1], "eit/RPI_2d_chest_phantom_data.zip");
  unpack(argv[1], "eit/KTC_levels_1_3_5.zip");
  int full = argc > 2;
  if (!full) {
    recordings();
    greit();
    rensselaer();
  }
  if (full && !strcmp(argv[2], "chosen"))
    kuopio_chosen();
  else
    kuopio(full);
  char command[200];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  CHECK(system(command) == 0);
  return check_done();
}
