/* fisher.c: information of sets of observables and its shares (see fisher.h). All subsets of players are visited
 * depth first: a player is left out, or it joins and its observables are eliminated from the covariance of what is
 * still to be decided and T (a Schur complement), so that Var(T | A) = Var T (1 - E(A)) stands in the corner at a leaf.
 */
#include "analysis/fisher.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/jackknife.h"

typedef struct walk {
  int players, k;          /* k: observables; row and column k: T */
  int end[FISHER_PLAYERS]; /* observables end[p-1] .. end[p]-1 belong to player p */
  double full[FISHER_MAX]; /* variances before any elimination */
  double *room;            /* (players + 1, k + 1, k + 1) */
  double *known;           /* (2^players) E of each set */
} walk;

/* Eliminates observable j from all that follows it. */
static void eliminate(double *c, int width, int j, double full) {
  double pivot = c[j * width + j];
  if (!(pivot > 1e-10 * full)) return;
  for (int a = j + 1; a < width; a++) {
    double f = c[a * width + j] / pivot;
    for (int b = j + 1; b < width; b++) c[a * width + b] -= f * c[j * width + b];
  }
}

static void visit(walk *w, int player, unsigned set, double variance) {
  int width = w->k + 1;
  double *c = w->room + (size_t)player * (size_t)(width * width);
  if (player == w->players) {
    w->known[set] = 1 - c[w->k * width + w->k] / variance;
    return;
  }
  double *next = c + width * width;
  memcpy(next, c, sizeof *c * (size_t)(width * width));
  visit(w, player + 1, set, variance);
  memcpy(next, c, sizeof *c * (size_t)(width * width));
  for (int j = player ? w->end[player - 1] : 0; j < w->end[player]; j++) eliminate(next, width, j, w->full[j]);
  visit(w, player + 1, set | 1u << player, variance);
}

/* Mean over all orders: a set A of size s of the others comes just before a player in s! (P-1-s)! of P! orders. */
static double shapley(const walk *w, int player) {
  double weight[FISHER_PLAYERS], sum = 0;
  int P = w->players;
  weight[0] = 1.0 / P;
  for (int s = 1; s < P; s++) weight[s] = weight[s - 1] * s / (P - s);
  for (unsigned set = 0; set < 1u << P; set++)
    if (!(set >> player & 1)) sum += weight[__builtin_popcount(set)] * (w->known[set | 1u << player] - w->known[set]);
  return sum;
}

/* Shares (FISHER_MEASURES, players), E(all) and Var T from moments of n rows: sums (k+1), products (k+1, k+1). */
static void shares(walk *w, double n, const double *sum, const double *product, double *share, double *joint,
                   double *variance) {
  int width = w->k + 1, P = w->players;
  for (int a = 0; a < width; a++)
    for (int b = 0; b < width; b++) w->room[a * width + b] = product[a * width + b] / n - sum[a] / n * (sum[b] / n);
  for (int j = 0; j < w->k; j++) w->full[j] = w->room[j * width + j];
  *variance = w->room[w->k * width + w->k];
  visit(w, 0, 0, *variance);
  unsigned all = (1u << P) - 1;
  *joint = w->known[all], *variance *= n / (n - 1);
  for (int p = 0; p < P; p++) {
    share[FISHER_ALONE * P + p] = w->known[1u << p];
    share[FISHER_LAST * P + p] = *joint - w->known[all & ~(1u << p)];
    share[FISHER_SHAPLEY * P + p] = shapley(w, p);
  }
}

static int check(const fisher_data *d, err *e) {
  int players = d->players ? d->players : d->k;
  if (d->k < 1 || d->k > FISHER_MAX || players > FISHER_PLAYERS)
    return err_set(e, ERR_RUN, "information of %d observables, %d players: at most %d and %d", d->k, players,
                   FISHER_MAX, FISHER_PLAYERS);
  if (d->blocks < 2 || d->n < 2 * (long)d->blocks)
    return err_set(e, ERR_RUN, "information from %ld rows in %d blocks: at least two blocks of two", d->n, d->blocks);
  for (int j = 0; j < d->k && d->players; j++)
    if (d->player[j] < 0 || d->player[j] >= d->players)
      return err_set(e, ERR_RUN, "information: observable %d belongs to none of %d players", j, d->players);
  for (long i = 0; i < d->n * d->k; i++)
    if (!isfinite(d->x[i]))
      return err_set(e, ERR_RUN, "information: observable %ld of row %ld is not finite", i % d->k, i / d->k);
  for (long i = 0; i < d->n; i++)
    if (!isfinite(d->t[i])) return err_set(e, ERR_RUN, "information: T of row %ld is not finite", i);
  return 0;
}

/* Observables in the order of their players: order[j] is column j. */
static void arrange(walk *w, const fisher_data *d, int *order) {
  int n = 0;
  for (int p = 0; p < w->players; p++) {
    for (int j = 0; j < d->k; j++)
      if ((d->players ? d->player[j] : j) == p) order[n++] = j;
    w->end[p] = n;
  }
  w->k = n;
}

/* Sums and products of each block, columns minus their mean of all rows. */
static void moments(const walk *w, const fisher_data *d, const int *order, double *count, double *sum,
                    double *product) {
  int width = w->k + 1;
  double mean[FISHER_MAX + 1] = {0}, v[FISHER_MAX + 1];
  for (int pass = 0; pass < 2; pass++)
    for (long i = 0; i < d->n; i++) {
      size_t block = (size_t)(i * d->blocks / d->n);
      for (int a = 0; a < width; a++) v[a] = (a < w->k ? d->x[i * d->k + order[a]] : d->t[i]) - (pass ? mean[a] : 0);
      if (!pass) {
        for (int a = 0; a < width; a++) mean[a] += v[a] / (double)d->n;
        continue;
      }
      count[block] += 1;
      for (int a = 0; a < width; a++) sum[block * (size_t)width + (size_t)a] += v[a];
      for (int a = 0; a < width; a++)
        for (int b = 0; b < width; b++)
          product[(block * (size_t)width + (size_t)a) * (size_t)width + (size_t)b] += v[a] * v[b];
    }
}

/* to (n) = sum of all blocks but `without` (-1: of all). */
static void add_up(int blocks, size_t n, const double *each, int without, double *to) {
  memset(to, 0, n * sizeof *to);
  for (int b = 0; b < blocks; b++)
    for (size_t k = 0; k < n && b != without; k++) to[k] += each[(size_t)b * n + k];
}

static fisher_value with_error(const fisher *f, const double *count, double value, const double *without, size_t stride,
                               double *left) {
  fisher_value v = {value, NAN};
  for (int b = 0; b < f->blocks; b++) left[b] = without[(size_t)b * stride];
  jackknife_blocks(f->blocks, count, value, left, NULL, &v.error);
  return v;
}

int fisher_of(fisher *f, const fisher_data *d, err *e) {
  *f = (fisher){.players = d->players ? d->players : d->k, .blocks = d->blocks};
  if (check(d, e)) return e->code;
  walk w = {.players = f->players};
  int order[FISHER_MAX];
  arrange(&w, d, order);
  size_t B = (size_t)d->blocks, W = (size_t)w.k + 1, P = (size_t)f->players, M = FISHER_MEASURES * P;
  size_t own = B * (1 + W + W * W), sums = 1 + W + W * W, tree = (P + 1) * W * W + ((size_t)1 << P);
  double *m = calloc(own + sums + tree + M + 3 * B, sizeof *m);
  f->without = malloc(B * M * sizeof *f->without);
  if (!m || !f->without) {
    free(m);
    return err_set(e, ERR_RUN, "information of observables: out of memory");
  }
  double *count = m, *sum = count + B, *product = sum + B * W, *n = m + own, *s = n + 1, *q = s + W;
  double *share = m + own + sums + tree, *joint = share + M, *variance = joint + B, *left = variance + B;
  double whole, spread;
  w.room = m + own + sums, w.known = w.room + (P + 1) * W * W;
  moments(&w, d, order, count, sum, product);
  for (int b = d->blocks - 1; b >= -1; b--) {
    add_up(d->blocks, 1, count, b, n), add_up(d->blocks, W, sum, b, s), add_up(d->blocks, W * W, product, b, q);
    if (b >= 0)
      shares(&w, *n, s, q, f->without + (size_t)b * M, &joint[b], &variance[b]);
    else
      shares(&w, *n, s, q, share, &whole, &spread);
  }
  f->joint = with_error(f, count, whole, joint, 1, left);
  f->variance = with_error(f, count, spread, variance, 1, left);
  for (size_t k = 0; k < M; k++) f->share[k / P][k % P] = with_error(f, count, share[k], f->without + k, M, left);
  free(m);
  return spread > 0 ? 0 : err_set(e, ERR_RUN, "information of observables: T does not vary");
}

void fisher_free(fisher *f) {
  free(f->without);
  f->without = NULL;
}

fisher_value fisher_difference(const fisher *f, int measure, int a, int b) {
  double value = f->share[measure][a].value - f->share[measure][b].value, sum = 0, square = 0;
  for (int i = 0; i < f->blocks; i++) {
    const double *row = f->without + ((size_t)i * FISHER_MEASURES + (size_t)measure) * (size_t)f->players;
    sum += row[a] - row[b];
  }
  for (int i = 0; i < f->blocks; i++) {
    const double *row = f->without + ((size_t)i * FISHER_MEASURES + (size_t)measure) * (size_t)f->players;
    square += pow(row[a] - row[b] - sum / f->blocks, 2);
  }
  return (fisher_value){value, sqrt(square * (f->blocks - 1) / f->blocks)};
}
