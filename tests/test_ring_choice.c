/* test_ring_choice.c: the running interval of samplers/ring_choice.c against brute force, for every prefix of every
 * six-vertex configuration of small lattices: a value may be taken exactly if a completion exists. */
#include <stdbool.h>

#include "samplers/ring_choice.h"
#include "tests/check.h"

enum { MOST = 64 };
typedef struct walk {
  ring_choice c;
  nn_real x[MOST];
  bool *back; /* (layers + 1, 2^length) this row can return from layer l */
  long prefixes, complete, wrong, dead;
} walk;

static int row_of(const walk *w, int l) {
  int row = 0;
  for (int p = 0; p < w->c.length; p++) row |= (w->x[l * w->c.length + p] > 0) << p;
  return row;
}

/* Some row that follows from `row` by the pairs of layer l, right members right, right + 2, ..., is good. */
static bool any_next(const walk *w, int l, int row, int right, const bool *good) {
  int L = w->c.length;
  if (right >= L) return good[row];
  int a = (right + L - 1) % L, bits = 1 << a | 1 << right;
  if (any_next(w, l, row, right + 2, good)) return true;
  return (row >> a & 1) != (row >> right & 1) && any_next(w, l, row ^ bits, right + 2, good);
}

static void find_back(walk *w) {
  int L = w->c.length, T = w->c.layers;
  size_t rows = (size_t)1 << L;
  memset(w->back, 0, (size_t)(T + 1) * rows);
  w->back[(size_t)T * rows + (size_t)row_of(w, 0)] = true;
  for (int l = T; l > 1; l--)
    for (size_t r = 0; r < rows; r++)
      w->back[(size_t)(l - 1) * rows + r] = any_next(w, l, (int)r, l % 2, w->back + (size_t)l * rows);
}

/* Can the pairs of layer l that are not decided before position t (exclusive) still lead to a good row? Decided pairs
 * are those whose first position lies before t. */
static bool completes(const walk *w, int l, int t, int right, int row) {
  int L = w->c.length;
  if (right >= L) return w->back[((size_t)l << L) + (size_t)row];
  int a = (right + L - 1) % L, first = l % 2 || right ? a : right, bits = 1 << a | 1 << right;
  bool unequal = (row >> a & 1) != (row >> right & 1);
  if (l * L + first < t) {
    bool turned = (row >> first & 1) != (w->x[l * L + first] > 0);
    return (!turned || unequal) && completes(w, l, t, right + 2, turned ? row ^ bits : row);
  }
  return completes(w, l, t, right + 2, row) || (unequal && completes(w, l, t, right + 2, row ^ bits));
}

static void follow(walk *w, int t, const void *work);

static void take(walk *w, int t, const void *work, double value) {
  w->x[t] = (nn_real)value;
  follow(w, t + 1, work);
}

static void choose(walk *w, int t, void *work) {
  int L = w->c.length, l = t / L;
  signed char can[2][1];
  double was = w->x[t - L];
  ring_choice_ask(w->c, work, w->x, t, 1, (signed char *[]){can[0], can[1]});
  w->prefixes++;
  w->dead += !can[0][0] && !can[1][0];
  for (int turn = 0; turn < 2; turn++) {
    w->x[t] = (nn_real)(turn ? -was : was);
    bool want = completes(w, l, t + 1, l % 2, row_of(w, l - 1));
    w->wrong += want != (can[turn][0] != 0);
  }
  for (int turn = 0; turn < 2; turn++)
    if (can[turn][0]) take(w, t, work, turn ? -was : was);
}

/* All configurations that go on from the variables before t. */
static void follow(walk *w, int t, const void *before) {
  int L = w->c.length, l = t / L, p = t % L;
  _Alignas(64) char work[8192];
  memcpy(work, before, ring_choice_bytes(w->c, 1));
  if (t == L * w->c.layers) {
    w->complete++;
    return;
  }
  if (t == L) find_back(w);
  if (l && ring_choice_first(w->c, l, p)) {
    choose(w, t, work);
    return;
  }
  ring_choice_pass(w->c, work, w->x, t, 1);
  for (int up = 0; !l && up < 2; up++) take(w, t, work, 2 * up - 1);
  if (!l) return;
  int other = (p - l) % 2 ? (p + 1) % L : (p + L - 1) % L; /* the first of its pair */
  nn_real *now = w->x + l * L, *was = now - L;
  take(w, t, work, (double)(was[p] * was[other] * now[other]));
}

static void lattice(int length, int layers, long complete) {
  walk w = {.c = {length, layers}};
  _Alignas(64) char work[8192] = {0};
  CHECK(length * layers <= MOST && ring_choice_bytes(w.c, 1) <= sizeof work);
  w.back = malloc((size_t)(layers + 1) << length);
  follow(&w, 0, work);
  free(w.back);
  CHECK_REPORT(!w.wrong && !w.dead && (complete ? w.complete == complete : w.complete > 0),
               "%d x %d: %ld of %ld prefixes wrong, %ld dead ends, %ld configurations, expected %ld", layers, length,
               w.wrong, w.prefixes, w.dead, w.complete, complete);
  printf("%2d layers of %d: %8ld prefixes, %8ld configurations\n", layers, length, w.prefixes, w.complete);
}

int main(void) {
  lattice(4, 2, 0);
  lattice(4, 4, 90); /* samplers.md 2.2: enumeration of N = 4, 2m = 4 */
  lattice(4, 6, 0);
  lattice(4, 8, 0);
  lattice(6, 2, 0);
  lattice(6, 4, 0);
  lattice(6, 6, 0);
  lattice(8, 2, 0);
  lattice(8, 4, 0);
  lattice(2, 8, 0);
  return check_done();
}
