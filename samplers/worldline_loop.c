/* worldline_loop.c: the loop algorithm (Evertz, Lana & Marcu, Phys. Rev. Lett. 70 (1993) 875; Evertz, Adv. Phys. 52
 * (2003) 1), for all couplings without field.
 *
 * Every weighted plaquette is broken up: its corners are joined in pairs, tl-bl and tr-br (VERTICAL), tl-tr and bl-br
 * (HORIZONTAL) or tl-br and tr-bl (DIAGONAL), or all four (FROZEN). Joined sites keep their relative signs when loops
 * are turned over, so a pairing leads back and forth between two types of plaquette, and detailed balance asks that it
 * has one weight v for both. With P, S, C, F the weights of PARALLEL, STRAIGHT, CROSSING, FLIP:
 *
 *   P = v(PS) + v(PC) + v(PF) + frozen     vertical: v(PS)
 *   S = v(PS) + v(SC) + v(SF) + frozen     diagonal: v(PC), v(SF)
 *   C = v(PC) + v(SC)                      horizontal: v(SC), v(PF)
 *   F = v(PF) + v(SF)
 *
 * v(PC) + v(PF) = A = (P - S + C + F)/2 cut to 0 .. C + F, shared in the ratio of C to F as the rest of C + F is
 * between v(SC) and v(SF); v(PS) takes what P and S still have in common (positive: cosh K > sinh K). Only the excess
 * of one of them is frozen: of P where Jz > max(|Jx|, |Jy|) (2 K0 > K+ + K-), of S where Jz < -max(|Jx|, |Jy|), none
 * between. K- = 0 gives the breakups of the six-vertex model; in the isotropic chain no horizontal (J > 0) or no
 * diagonal ones (J < 0) are left.
 *
 * Improved estimators, averaged over the signs of all loops: M^2 = sum of (M of a loop)^2, staggered M^2 alike. Chances
 * are rounded to 2^-32. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "samplers/chain_clusters.h"
#include "samplers/chain_lanes.h"
#include "samplers/worldline.h"

/* Corners are numbered tl 0, tr 1, bl 2, br 3: a pairing joins corner k to k ^ pairing. */
enum { HORIZONTAL = 1, VERTICAL = 2, DIAGONAL = 3, FROZEN = VERTICAL | 4 };

typedef struct loops {
  int64_t below[4][3]; /* by pattern (tl != tr) + 2 (tl != bl): chances of the first, first two, first three breakups,
                          times 2^32 */
  uint8_t breakup[4][4];
  bool freezes;
} loops;

typedef struct scratch { /* of a thread; n sites */
  uint32_t *random;      /* (n/2) one number per weighted plaquette            */
  int32_t (*to)[2];      /* (n) from a site down, up: 2 site + (0 down, 1 up)  */
  int32_t *label;        /* (n) loop of a site                                 */
  int32_t *parent;       /* (n) of loops                                       */
  int32_t (*sum)[2];     /* (n) of loops: sum of s, of (-1)^column s           */
  int32_t *frozen;       /* (n/2) plaquettes                                   */
  int8_t *flip;          /* (n) of loops: 0 or -1                              */
} scratch;

static size_t slot(size_t bytes) {
  return (bytes + 127) / 64 * 64; /* room for a vector beyond the end */
}

static size_t scratch_bytes(int sites) {
  size_t n = (size_t)sites;
  return 2 * slot(2 * n) + 2 * slot(8 * n) + 2 * slot(4 * n) + slot(n);
}

static scratch scratch_of(int sites, void *work) {
  size_t n = (size_t)sites;
  char *p = work;
  scratch w;
  w.to = (int32_t(*)[2])p, p += slot(8 * n);
  w.sum = (int32_t(*)[2])p, p += slot(8 * n);
  w.label = (int32_t *)p, p += slot(4 * n);
  w.parent = (int32_t *)p, p += slot(4 * n);
  w.random = (uint32_t *)p, p += slot(2 * n);
  w.frozen = (int32_t *)p, p += slot(2 * n);
  w.flip = (int8_t *)p;
  return w;
}

/* ---- making ---- */

static int applies(const trotter *t, err *e) {
  if (t->field != 0)
    return err_set(e, ERR_DECK, "chain loop needs zero field, but model.field = %g: take kind local", t->field);
  return 0;
}

/* Up to three breakups of one type with their weights; what is left of the whole is frozen. */
static void set_chances(loops *a, int pattern, double whole, const double v[3], const uint8_t breakup[3]) {
  double sum = 0;
  for (int k = 0; k < 3; k++) {
    a->below[pattern][k] = llround((sum += v[k]) / whole * 0x1p32);
    a->breakup[pattern][k] = breakup[k];
  }
  a->breakup[pattern][3] = FROZEN;
  a->freezes |= a->below[pattern][2] < INT64_C(1) << 32;
}

static int init(worldline *c, err *e) {
  loops *a = c->self = calloc(1, sizeof *a);
  if (!a) return err_set(e, ERR_RUN, "%s: out of memory for tables", c->name);
  double w[4], top = fmax(c->t->w.lnW[TROTTER_PARALLEL], c->t->w.lnW[TROTTER_STRAIGHT]);
  for (int k = 0; k < 4; k++) w[k] = exp(c->t->w.lnW[k] - top);
  double P = w[TROTTER_PARALLEL], S = w[TROTTER_STRAIGHT], C = w[TROTTER_CROSSING], F = w[TROTTER_FLIP];
  double A = fmin(fmax((P - S + C + F) / 2, 0), C + F), share = C + F > 0 ? A / (C + F) : 0;
  double PC = share * C, SC = C - PC, PF = share * F, SF = F - PF, PS = fmin(P - A, S - (C + F - A));
  set_chances(a, 0, P, (double[]){PS, PC, PF}, (uint8_t[]){VERTICAL, DIAGONAL, HORIZONTAL});
  set_chances(a, 1, S, (double[]){PS, SC, SF}, (uint8_t[]){VERTICAL, HORIZONTAL, DIAGONAL});
  set_chances(a, 2, 1, (double[]){1 - share, share, 0}, (uint8_t[]){DIAGONAL, HORIZONTAL, HORIZONTAL});
  set_chances(a, 3, 1, (double[]){share, 1 - share, 0}, (uint8_t[]){DIAGONAL, HORIZONTAL, HORIZONTAL});
  c->work_bytes = scratch_bytes(c->t->n);
  return 0;
}

static void done(worldline *c) {
  free(c->self);
}

/* ---- sweep ---- */

/* Joins the corners of every plaquette; returns the number of frozen ones. */
static int break_up(const loops *a, const trotter *t, scratch w, const int8_t *s, lanes *g) {
  int frozen = 0;
  for (int p = 0; p < t->nplaquettes; p += 16) {
    lanes_word r = lanes_next(g);
    memcpy(w.random + p, &r, sizeof r);
  }
  for (int p = 0; p < t->nplaquettes; p++) {
    const int *c = t->corner[p];
    int pattern = (s[c[0]] != s[c[1]]) + 2 * (s[c[0]] != s[c[2]]);
    const int64_t *below = a->below[pattern], u = w.random[p];
    int b = a->breakup[pattern][(u >= below[0]) + (u >= below[1]) + (u >= below[2])], x = b & 3;
    for (int k = 0; k < 4; k++) w.to[c[k]][k >= 2] = 2 * c[k ^ x] + ((k ^ x) < 2);
    w.frozen[frozen] = p;
    frozen += b >> 2;
  }
  return frozen;
}

/* Follows every loop once; returns their number. */
static int trace(const trotter *t, scratch w, const int8_t *s) {
  int n = 0;
  memset(w.label, -1, (size_t)t->n * sizeof *w.label);
  for (int i = 0; i < t->n; i++) {
    if (w.label[i] >= 0) continue;
    int at = 2 * i, mag = 0, odd = 0;
    do {
      int site = at >> 1;
      w.label[site] = n;
      mag += s[site], odd += s[site] & -(site & 1);
      at = w.to[site][at & 1];
    } while (at != 2 * i);
    w.sum[n][0] = mag, w.sum[n][1] = mag - 2 * odd;
    n++;
  }
  return n;
}

/* Loops that meet in a frozen plaquette turn together. */
static void join_frozen(const trotter *t, scratch w, int n, int frozen) {
  for (int k = 0; k < n; k++) w.parent[k] = k;
  for (int k = 0; k < frozen; k++) {
    const int *c = t->corner[w.frozen[k]];
    clusters_join(w.parent, w.label[c[0]], w.label[c[1]]);
  }
  clusters_flatten(w.parent, n);
  for (int k = 0; k < n; k++) {
    int root = w.parent[k];
    if (root == k) continue;
    for (int j = 0; j < 2; j++) w.sum[root][j] += w.sum[k][j], w.sum[k][j] = 0;
  }
}

static void improve(const trotter *t, scratch w, int n, double *better) {
  double m = 0, mst = 0, rows = 2. * t->rows;
  for (int k = 0; k < n; k++) {
    m += (double)w.sum[k][0] * w.sum[k][0];
    mst += (double)w.sum[k][1] * w.sum[k][1];
  }
  better[WORLDLINE_M2] = m / (rows * rows), better[WORLDLINE_MST2] = mst / (rows * rows);
}

static void flip(const trotter *t, scratch w, int8_t *restrict s, int n, bool joined, lanes *g) {
  int8_t *restrict f = w.flip;
  for (int k = 0; k < n; k += 64) {
    lanes_word r = lanes_next(g);
    memcpy(f + k, &r, sizeof r);
  }
  for (int k = 0; k < n; k++) f[k] = (int8_t)(f[k] >> 7);
  for (int k = 0; joined && k < n; k++) f[k] = f[w.parent[k]];
  for (int i = 0; i < t->n; i++) s[i] = (int8_t)((s[i] ^ f[w.label[i]]) - f[w.label[i]]);
}

static void sweep(const worldline *c, int replica, uint32_t step, void *work) {
  const loops *a = c->self;
  const trotter *t = c->t;
  int8_t *s = worldline_spins(c, replica);
  scratch w = scratch_of(t->n, work);
  lanes g = lanes_seed(c->stream, (uint64_t)(c->first + replica), step);
  int frozen = break_up(a, t, w, s, &g), n = trace(t, w, s);
  if (a->freezes) join_frozen(t, w, n, frozen);
  improve(t, w, n, c->better + (size_t)replica * WORLDLINE_NIMPROVED);
  flip(t, w, s, n, a->freezes, &g);
}

const worldline_type worldline_loop = {
    .kind = {"loop", "loop algorithm, no field; improved estimators", NULL},
    .tag = "loop",
    .improved = true,
    .applies = applies,
    .init = init,
    .done = done,
    .sweep = sweep,
};
