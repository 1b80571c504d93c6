/* test_lattice.c: geometries (counts, symmetry of the lists, colours, graph files and their faults), models (energy
 * against local fields, couplings reproducible and of the right statistics), decks of both sections. */
#include <stdint.h>
#include <unistd.h>

#include "base/rng.h"
#include "lattice/ising.h"
#include "tests/check.h"

static err fault;

/* Lists and bonds say the same; returns whether all degrees lie in min..max. */
static void check_lists(const lattice *l, int min, int max) {
  int bad = 0, outside = 0;
  for (int i = 0; i < l->n; i++) {
    int degree = l->start[i + 1] - l->start[i];
    outside += degree < min || degree > max;
    for (int k = l->start[i]; k < l->start[i + 1]; k++) {
      const int *b = l->bond[l->via[k]];
      bad += !((b[0] == i && b[1] == l->neighbour[k]) || (b[1] == i && b[0] == l->neighbour[k]));
      for (int q = l->start[i]; q < k; q++) bad += l->neighbour[q] == l->neighbour[k];
    }
  }
  CHECK_INT(bad, 0);
  CHECK_INT(outside, 0);
  CHECK_INT(l->start[l->n], 2 * l->nbonds);
}

static int has_bond(const lattice *l, int i, int j) {
  int found = 0;
  for (int k = l->start[i]; k < l->start[i + 1]; k++) found += l->neighbour[k] == j;
  return found;
}

static void test_counts(void) {
  lattice *l;
  CHECK_INT(lattice_square(&l, 4, 6, true, &fault), 0);
  CHECK_INT(l->n, 24);
  CHECK_INT(l->nbonds, 48);
  CHECK_INT(l->rows, 4);
  CHECK_INT(l->cols, 6);
  check_lists(l, 4, 4);
  CHECK(has_bond(l, 0, 1) && has_bond(l, 0, 5) && has_bond(l, 0, 6) && has_bond(l, 0, 18) && !has_bond(l, 0, 7));
  lattice_free(l);
  CHECK_INT(lattice_square(&l, 4, 6, false, &fault), 0);
  CHECK_INT(l->nbonds, 4 * 5 + 3 * 6);
  check_lists(l, 2, 4);
  CHECK(!has_bond(l, 0, 5) && !has_bond(l, 0, 18) && !has_bond(l, 5, 6));
  lattice_free(l);
  CHECK_INT(lattice_triangular(&l, 3, 5, true, &fault), 0);
  CHECK_INT(l->nbonds, 45);
  check_lists(l, 6, 6);
  CHECK(has_bond(l, 0, 6) && has_bond(l, 0, 14) && has_bond(l, 4, 5) && !has_bond(l, 1, 5));
  lattice_free(l);
  CHECK_INT(lattice_triangular(&l, 3, 5, false, &fault), 0);
  CHECK_INT(l->nbonds, 3 * 4 + 2 * 5 + 2 * 4);
  check_lists(l, 2, 6);
  lattice_free(l);
  CHECK_INT(lattice_complete(&l, 9, &fault), 0);
  CHECK_INT(l->nbonds, 36);
  CHECK_INT(l->rows, 0);
  check_lists(l, 8, 8);
  lattice_free(l);
  CHECK_INT(lattice_square(&l, 1, 5, false, &fault), 0); /* a chain */
  CHECK_INT(l->nbonds, 4);
  lattice_free(l);
}

static void expect_refusal(int rc, int code, const char *words) {
  CHECK_INT(rc, code);
  CHECK_REPORT(NULL != strstr(fault.text, words), "\"%.300s\" does not contain \"%s\"", fault.text, words);
  fault = (err){0};
}

static void test_refusals(void) {
  lattice *l;
  expect_refusal(lattice_square(&l, 2, 4, true, &fault), ERR_DECK, "at least 3");
  CHECK(!l);
  expect_refusal(lattice_triangular(&l, 4, 2, true, &fault), ERR_DECK, "at least 3");
  expect_refusal(lattice_square(&l, 0, 4, false, &fault), ERR_DECK, "sides must be");
  expect_refusal(lattice_complete(&l, 1 << 17, &fault), ERR_DECK, "bonds");
}

static int bipartite(int rc, lattice *l) {
  int colour[64], wrong = 0, yes;
  CHECK_INT(rc, 0);
  CHECK(l->n <= 64);
  yes = lattice_bipartite(l, colour);
  CHECK_INT(yes, lattice_bipartite(l, NULL));
  for (int b = 0; yes && b < l->nbonds; b++) wrong += colour[l->bond[b][0]] + colour[l->bond[b][1]] != 1;
  CHECK_INT(wrong, 0);
  CHECK_INT(colour[0], 0);
  lattice_free(l);
  return yes;
}

static void test_bipartite(void) {
  lattice *l;
  int rc;
  rc = lattice_square(&l, 4, 6, true, &fault);
  CHECK_INT(bipartite(rc, l), 1);
  rc = lattice_square(&l, 3, 6, true, &fault);
  CHECK_INT(bipartite(rc, l), 0);
  rc = lattice_square(&l, 3, 5, false, &fault);
  CHECK_INT(bipartite(rc, l), 1);
  rc = lattice_triangular(&l, 4, 4, true, &fault);
  CHECK_INT(bipartite(rc, l), 0);
  rc = lattice_complete(&l, 2, &fault);
  CHECK_INT(bipartite(rc, l), 1);
  rc = lattice_complete(&l, 3, &fault);
  CHECK_INT(bipartite(rc, l), 0);
}

/* ---- graph files ---- */

static char graph_path[64];

static int graph_of(lattice **l, const char *text, size_t n) {
  FILE *f = fopen(graph_path, "w");
  fwrite(text, 1, n, f);
  fclose(f);
  return lattice_graph(l, graph_path, &fault);
}

static void refuse_graph(const char *text, int line, const char *words) {
  lattice *l;
  char where[100];
  snprintf(where, sizeof where, "%s:%d: ", graph_path, line);
  int rc = graph_of(&l, text, strlen(text));
  CHECK(!l);
  CHECK_REPORT(NULL != strstr(fault.text, where), "\"%.300s\" does not name %s", fault.text, where);
  expect_refusal(rc, ERR_FILE, words);
}

static void test_graph(void) {
  lattice *l;
  const char *plain = "# two components\n5 # sites\n\n0 1\n 2\t1 \r\n3 4 # last\n", *weighted = "3\n0 1 -0.5\n1 2 2e0";
  CHECK_INT(graph_of(&l, plain, strlen(plain)), 0);
  CHECK_INT(l->n, 5);
  CHECK_INT(l->nbonds, 3);
  CHECK(!l->weight);
  CHECK_INT(l->rows, 0);
  check_lists(l, 1, 2);
  CHECK(bipartite(0, l));
  CHECK_INT(graph_of(&l, weighted, strlen(weighted)), 0);
  CHECK(l->weight && l->weight[0] == -0.5 && l->weight[1] == 2);
  lattice_free(l);
  refuse_graph("", 0, "number of sites is missing");
  refuse_graph("# nothing\n\n", 2, "number of sites is missing");
  refuse_graph("4 1\n0 1\n", 1, "alone");
  refuse_graph("0\n0 1\n", 1, "must be 1 to");
  refuse_graph("4.5\n0 1\n", 1, "not an integer: 4.5");
  refuse_graph("99999999999999999999\n", 1, "must be 1 to");
  refuse_graph("4\n", 1, "no bonds");
  refuse_graph("4\n0 1\n0 x\n", 3, "not an integer: x");
  refuse_graph("4\n0 1 \n\n0 4\n", 4, "site 4: must be 0 to 3");
  refuse_graph("4\n-1 2\n", 2, "site -1: must be 0 to 3");
  refuse_graph("4\n0\n", 2, "a bond is");
  refuse_graph("4\n0 1 1 1\n", 2, "a bond is");
  refuse_graph("4\n0 1 1.5x\n", 2, "not a finite number: 1.5x");
  refuse_graph("4\n0 1 nan\n", 2, "not a finite number: nan");
  refuse_graph("4\n0 1 1e999\n", 2, "not a finite number");
  refuse_graph("4\n0 1 1\n1 2\n", 3, "of every bond or of none");
  refuse_graph("4\n0 1\n1 2 1\n", 3, "of every bond or of none");
  refuse_graph("4\n2 2\n", 2, "bound to itself");
  refuse_graph("4\n0 1\n2 3\n1 0\n", 4, "stands already on line 2");
  expect_refusal(graph_of(&l, "4\n0 1\0\n", 7), ERR_FILE, "zero byte");
  unlink(graph_path);
  expect_refusal(lattice_graph(&l, graph_path, &fault), ERR_FILE, graph_path);
  expect_refusal(lattice_graph(&l, "/tmp", &fault), ERR_FILE, "irectory");
}

/* ---- models ---- */

static void random_spins(int8_t *s, int n, uint32_t seed) {
  rng r = rng_stream(seed, "test");
  for (int i = 0; i < n; i++) s[i] = rng_words(r, (uint64_t)i, 0, 0).v[0] & 1 ? 1 : -1;
}

/* sum_i s_i (local_i + h_i) = -2 H, and a flip changes H by 2 s_i local_i. */
static void check_energy(const ising *m) {
  int n = m->lat->n;
  int8_t s[64];
  CHECK(n <= 64);
  for (uint32_t seed = 1; seed <= 20; seed++) {
    random_spins(s, n, seed);
    double H = ising_energy(m, s), sum = 0;
    for (int i = 0; i < n; i++) sum -= s[i] * (ising_local(m, s, i) + (m->h ? m->h[i] : 0)) / 2;
    CHECK_NEAR(sum, H, 1e-13 * (1 + m->lat->nbonds));
    int i = (int)(seed * 7) % n;
    double change = 2 * s[i] * ising_local(m, s, i);
    s[i] = (int8_t)-s[i];
    CHECK_NEAR(ising_energy(m, s) - H, change, 1e-13 * (1 + m->lat->nbonds));
  }
}

static void test_energy(void) {
  lattice *l;
  ising *m;
  int8_t up[24];
  memset(up, 1, sizeof up);
  lattice_square(&l, 4, 6, true, &fault);
  CHECK_INT(ising_uniform(&m, l, 1, 0, .5, &fault), 0);
  check_energy(m);
  CHECK_NEAR(ising_energy(m, up), -48, 0);
  CHECK_INT(ising_mag(m, up), 24);
  CHECK(m->uniform == 1 && !m->h);
  ising_free(m);
  CHECK_INT(ising_uniform(&m, l, -.5, .25, .5, &fault), 0);
  check_energy(m);
  CHECK_NEAR(ising_energy(m, up), 24 - 6, 0);
  ising_free(m);
  double J[48], h[24];
  for (int b = 0; b < 48; b++) J[b] = rng_normal(rng_stream(3, "J"), (uint64_t)b, 0, 0);
  for (int i = 0; i < 24; i++) h[i] = rng_normal(rng_stream(3, "h"), (uint64_t)i, 0, 0);
  CHECK_INT(ising_couplings(&m, l, J, h, .5, &fault), 0);
  CHECK(m->uniform == 0);
  check_energy(m);
  ising_free(m);
  lattice_free(l);
}

/* |sum s exp(i k r)|^2 along rows and columns, summed site by site. */
static void test_measure(void) {
  lattice *l;
  ising *m;
  int8_t s[24];
  double obs[ISING_NOBS], z[4] = {0};
  lattice_square(&l, 4, 6, true, &fault);
  ising_uniform(&m, l, 1, 0, .5, &fault);
  random_spins(s, 24, 5);
  for (int i = 0; i < 24; i++) {
    double a = 2 * M_PI * (i / 6) / 4, b = 2 * M_PI * (i % 6) / 6;
    z[0] += s[i] * cos(a), z[1] += s[i] * sin(a), z[2] += s[i] * cos(b), z[3] += s[i] * sin(b);
  }
  ising_measure(m, s, obs);
  CHECK_NEAR(obs[ISING_SK], (z[0] * z[0] + z[1] * z[1] + z[2] * z[2] + z[3] * z[3]) / 2, 1e-12);
  CHECK_NEAR(obs[ISING_E], ising_energy(m, s), 0);
  CHECK_NEAR(obs[ISING_M], ising_mag(m, s), 0);
  memset(s, 1, sizeof s);
  ising_measure(m, s, obs);
  CHECK_NEAR(obs[ISING_SK], 0, 1e-24);
  ising_free(m);
  lattice_free(l);
  lattice_complete(&l, 24, &fault);
  ising_uniform(&m, l, 1, 0, .5, &fault);
  ising_measure(m, s, obs);
  CHECK_NEAR(obs[ISING_SK], 0, 0);
  ising_free(m);
  lattice_free(l);
}

/* ---- decks ---- */

static const deck_section schema[] = {
    {.name = "lattice", .help = "geometry", .kinds = lattice_geometries},
    {.name = "model", .help = "model", .keys = lattice_model_keys, .kinds = lattice_models, .kind_def = "ferromagnet"},
    {NULL}};

/* Builds lattice and model of a deck; what fails stays NULL. */
static int build(lattice **l, ising **m, const char *lattice_words, const char *model_words) {
  char text[1000];
  int n = snprintf(text, sizeof text, "app: test\nlattice: {%s}\nmodel: {%s}\n", lattice_words, model_words);
  deck *d;
  *l = NULL, *m = NULL;
  if (deck_parse(&d, "t.yaml", text, (size_t)n, NULL, 0, schema, &fault)) return fault.code;
  if (!lattice_from_deck(l, d, &fault)) ising_from_deck(m, *l, d, &fault);
  deck_free(d);
  return fault.code;
}

static void drop(lattice *l, ising *m) {
  ising_free(m), lattice_free(l);
}

static void refuse(const char *lattice_words, const char *model_words, int code, const char *words) {
  lattice *l;
  ising *m;
  int rc = build(&l, &m, lattice_words, model_words);
  CHECK_REPORT(NULL != strstr(fault.text, "t.yaml:"), "\"%.300s\" does not name the deck", fault.text);
  expect_refusal(rc, code, words);
  CHECK(!m);
  drop(l, m);
}

static void test_decks(void) {
  lattice *l;
  ising *m;
  CHECK_INT(build(&l, &m, "kind: square, L: 4", "beta: 0.44"), 0);
  CHECK(l && m && l->periodic && l->rows == 4 && l->cols == 4 && m->uniform == 1 && m->beta == .44 && !m->h);
  drop(l, m);
  CHECK_INT(build(&l, &m, "kind: triangular, rows: 3, cols: 4, periodic: false",
                  "kind: antiferromagnet, beta: 1, field: 0.5"),
            0);
  CHECK(l && m && !l->periodic && l->rows == 3 && l->cols == 4 && m->uniform == -1 && m->h && m->h[11] == .5);
  if (m) check_energy(m);
  drop(l, m);
  refuse("kind: square", "beta: 1", ERR_DECK, "either L or both");
  refuse("kind: square, L: 4, rows: 4, cols: 4", "beta: 1", ERR_DECK, "either L or both");
  refuse("kind: square, rows: 4", "beta: 1", ERR_DECK, "either L or both");
  refuse("kind: square, L: 2", "beta: 1", ERR_DECK, "at least 3");
  refuse("kind: square, L: 4", "beta: 0", ERR_DECK, "beta");
  refuse("kind: square, L: 4", "kind: hopfield, beta: 1", ERR_DECK, "needs lattice.kind = complete, not square");
  refuse("kind: square, L: 4", "kind: gaussian, normal: sk, beta: 1", ERR_DECK,
         "needs lattice.kind = complete, not square");
  refuse("kind: square, L: 4", "kind: graph, beta: 1", ERR_DECK, "gives no couplings");
  refuse("kind: complete, n: 10", "kind: hopfield, patterns: 3, beta: 1", ERR_DECK, "multiple of 4");
  refuse("kind: graph, file: /nowhere/g.txt", "beta: 1", ERR_FILE, "/nowhere/g.txt");
}

static void test_graph_deck(void) {
  lattice *l;
  ising *m;
  char words[100];
  const char *text = "3\n0 1 -0.5\n1 2 2\n";
  FILE *f = fopen(graph_path, "w");
  fputs(text, f);
  fclose(f);
  snprintf(words, sizeof words, "kind: graph, file: %s", graph_path);
  CHECK_INT(build(&l, &m, words, "kind: graph, beta: 1"), 0);
  CHECK(m && m->J[0] == -0.5 && m->J[1] == 2 && m->uniform == 0);
  drop(l, m);
  refuse(words, "beta: 1", ERR_DECK, "only the kind graph uses them");
  unlink(graph_path);
}

/* Mean and variance of the couplings of a deck at five sigma (kurtosis 3 for normal ones, 1 for +-J). */
static void check_moments(const char *lattice_words, const char *model_words, double mean, double variance,
                          double kurtosis) {
  lattice *l;
  ising *m;
  CHECK_INT(build(&l, &m, lattice_words, model_words), 0);
  if (!m) return;
  double n = l->nbonds, a = 0, b = 0;
  for (int k = 0; k < l->nbonds; k++) a += m->J[k] / n, b += (m->J[k] - mean) * (m->J[k] - mean) / n;
  CHECK_SIGMA(a, mean, sqrt(variance / n), 5);
  if (kurtosis > 1) CHECK_SIGMA(b, variance, variance * sqrt((kurtosis - 1) / n), 5);
  drop(l, m);
}

/* The same instance twice, another for another disorder; bonds keep their couplings whatever the size of the lattice.
 */
static void check_instance(const char *lattice_words, const char *model_words) {
  lattice *l[3];
  ising *m[3];
  char other[200];
  snprintf(other, sizeof other, "%s, disorder: 2", model_words);
  CHECK_INT(build(&l[0], &m[0], lattice_words, model_words), 0);
  CHECK_INT(build(&l[1], &m[1], lattice_words, model_words), 0);
  CHECK_INT(build(&l[2], &m[2], lattice_words, other), 0);
  if (!fault.code) {
    CHECK_BITS(m[0]->J, m[1]->J, sizeof(double) * (size_t)l[0]->nbonds);
    CHECK(memcmp(m[0]->J, m[2]->J, sizeof(double) * (size_t)l[0]->nbonds));
    CHECK(m[0]->uniform == 0);
    check_energy(m[0]);
  }
  for (int k = 0; k < 3; k++) drop(l[k], m[k]);
}

static void test_disorder(void) {
  check_instance("kind: square, L: 6", "kind: plus_minus, beta: 1");
  check_instance("kind: square, L: 6", "kind: gaussian, beta: 1, field: 0.1");
  check_instance("kind: complete, n: 20", "kind: gaussian, normal: sk, beta: 1");
  check_instance("kind: complete, n: 20", "kind: hopfield, beta: 1");
  check_instance("kind: complete, n: 21", "kind: hopfield, beta: 1, patterns: 3, overlap: random");
  check_moments("kind: square, L: 64", "kind: plus_minus, beta: 1", 0, 1, 1);
  check_moments("kind: square, L: 64", "kind: plus_minus, fraction: 0.1, beta: 1", .8, .36, 1);
  check_moments("kind: square, L: 64", "kind: gaussian, beta: 1, disorder: 7", 0, 1, 3);
  check_moments("kind: complete, n: 100", "kind: gaussian, normal: sk, beta: 1", 0, .01, 3);
}

/* With orthogonal patterns A = (1/n) sum xi xi^T = J + P/n is a projector: A^2 = A. */
static void test_hopfield(void) {
  lattice *l;
  ising *m;
  enum { N = 24, P = 3 };
  double A[N][N] = {{0}}, worst = 0;
  CHECK_INT(build(&l, &m, "kind: complete, n: 24", "kind: hopfield, patterns: 3, beta: 1"), 0);
  if (!m) return;
  for (int b = 0; b < l->nbonds; b++) A[l->bond[b][0]][l->bond[b][1]] = A[l->bond[b][1]][l->bond[b][0]] = m->J[b];
  for (int i = 0; i < N; i++) A[i][i] = (double)P / N;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      double sum = -A[i][j];
      for (int k = 0; k < N; k++) sum += A[i][k] * A[k][j];
      worst = fmax(worst, fabs(sum));
    }
  CHECK_NEAR(worst, 0, 1e-15);
  drop(l, m);
}

int main(void) {
  snprintf(graph_path, sizeof graph_path, "/tmp/spinet_graph_%d.txt", (int)getpid());
  test_counts();
  test_refusals();
  test_bipartite();
  test_graph();
  test_energy();
  test_measure();
  test_decks();
  test_graph_deck();
  test_disorder();
  test_hopfield();
  CHECK_REPORT(!fault.code, "left over: %.400s", fault.text);
  return check_done();
}
