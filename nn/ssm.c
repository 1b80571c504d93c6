/* ssm.c: linear recurrences over whole sequences, chunk by chunk (see ssm.h). Of each channel a copy (position in the
 * chunk, chunk, lane) is made, so that every product has rows of W = chunks S numbers. Multiply-adds per position:
 * T/2 (T with both directions) + 2 states forward, twice as many backward. */
#include "nn/ssm.h"

#include <math.h>
#include <string.h>

#include "nn/gemm.h"

enum { ROWS = 16, DOUBLE = sizeof(double) / sizeof(nn_real) };

static int states(const nn_ssm *s) {
  return s->dirs * s->M;
}
static size_t hops(const nn_ssm *s) {
  return s->diagonal ? (size_t)s->M : (size_t)s->M * s->M;
}
static size_t round_up(size_t n) {
  return (n + 15) / 16 * 16;
}

/* Where everything of one walk lies: per lane in scratch, then what does not depend on the lanes. */
typedef struct desk {
  int W;                                  /* chunks S */
  nn_real *u, *y, *g, *ut, *gt;           /* (T, W); transposed (W, T) */
  nn_real *e, *run, *next;                /* (states, W) adjoint states; (M, S) */
  nn_real *local, *in, *out, *hop, *tail; /* the channel in nn_real */
  nn_real *dlocal, *din, *dout, *dhop;    /* (T, T), (states, T), (states, T), (M) */
  nn_ssm_channel c;
} desk;

/* Hands out the places; with first == NULL only counts them. */
static size_t lay_out(const nn_ssm *s, int S, nn_real *first, nn_real *fixed, desk *d) {
  size_t T = s->T, W = (size_t)s->chunks * S, N = states(s), M = s->M, hop = hops(s), at = 0;
  struct {
    nn_real **p;
    size_t n;
  } lanes[] = {{&d->u, T * W},  {&d->y, T * W}, {&d->g, T * W},   {&d->ut, T * W},
               {&d->gt, T * W}, {&d->e, N * W}, {&d->run, M * S}, {&d->next, M * S}};
  for (unsigned i = 0; i < sizeof lanes / sizeof *lanes; i++) *lanes[i].p = first ? first + at : NULL, at += lanes[i].n;
  size_t per_shard = at;
  struct {
    void *p;
    size_t n;
  } rest[] = {{&d->local, T * T},
              {&d->in, T * N},
              {&d->out, T * N},
              {&d->hop, 2 * hop},
              {&d->tail, 2 * hop},
              {&d->dlocal, T * T},
              {&d->din, T * N},
              {&d->dout, T * N},
              {&d->dhop, M},
              {&d->c.kernel, DOUBLE * T * s->dirs},
              {&d->c.in, DOUBLE * T * N},
              {&d->c.out, DOUBLE * T * N},
              {&d->c.hop, DOUBLE * hop},
              {&d->c.hop_tail, DOUBLE * hop},
              {&d->c.dkernel, DOUBLE * T * s->dirs},
              {&d->c.din, DOUBLE * T * N},
              {&d->c.dout, DOUBLE * T * N},
              {&d->c.dhop, DOUBLE * hop}};
  at = 0;
  for (unsigned i = 0; i < sizeof rest / sizeof *rest; i++) {
    void *place = fixed ? fixed + at : NULL;
    memcpy(rest[i].p, &place, sizeof place);
    at += round_up(rest[i].n);
  }
  d->W = (int)W;
  return first ? 0 : S ? per_shard / S : at;
}

static int chunk_length(int M, int L) {
  int T = M >= 32 ? 64 : M >= 16 ? 32 : 16;
  while (T > ROWS && T / 2 >= L) T /= 2;
  return T;
}

int nn_ssm_shape(nn_ssm *s, nn_node *n, const nn_shape *in, int modes, bool both, bool diagonal, bool frozen, err *e) {
  if (modes < 1 || modes > 128) return err_set(e, ERR_RUN, "needs 2 to 256 states, an even number of them");
  *s = (nn_ssm){.H = in->channels, .L = nn_positions(*in), .M = 2 * modes, .dirs = both ? 2 : 1};
  s->diagonal = diagonal, s->frozen = frozen;
  s->T = chunk_length(s->M, s->L);
  s->chunks = (s->L + s->T - 1) / s->T;
  s->tail = s->L - (s->chunks - 1) * s->T;
  desk d;
  n->shape = *in;
  n->scratch = lay_out(s, 1, NULL, NULL, &d);
  n->fixed_scratch = lay_out(s, 0, NULL, NULL, &d);
  n->keep = (size_t)s->H * states(s) * s->chunks + (both ? 0 : (size_t)s->H * s->M * DOUBLE);
  n->macs = (double)nn_rows(*in) * ((both ? s->T : s->T / 2) + 2 * states(s));
  n->ahead = both ? NN_ALWAYS : NN_NEVER;
  n->once = true;
  return 0;
}

/* The states before each chunk, (states, W). */
static nn_real *kept(const nn_ssm *s, const nn_node *n, const nn_frame *f, int h) {
  return f->keep[n->id] + (size_t)h * states(s) * s->chunks * f->lanes;
}

double *nn_ssm_state(const nn_ssm *s, const nn_node *n, const nn_frame *f, int h) {
  return (double *)kept(s, n, f, s->H) + (size_t)h * s->M * f->lanes;
}

void nn_ssm_open(const nn_ssm *s, const nn_node *n, const nn_frame *f) {
  if (!f->carry) memset(nn_ssm_state(s, n, f, 0), 0, sizeof(double) * s->H * s->M * f->lanes);
}

void nn_ssm_store(const nn_ssm *s, const nn_node *n, const nn_frame *f, int t) {
  int S = f->lanes, W = s->chunks * S;
  if (t % s->T) return;
  for (int h = 0; h < s->H; h++) {
    const double *x = nn_ssm_state(s, n, f, h);
    nn_real *to = kept(s, n, f, h) + t / s->T * S;
    for (int m = 0; m < s->M; m++)
      for (int i = 0; i < S; i++) to[(size_t)m * W + i] = (nn_real)x[m * S + i];
  }
}

/* A row of S lanes; `ahead` is asked for early: rows of a channel lie far apart. */
static inline __attribute__((always_inline)) void copy_row(size_t S, const nn_real *from, nn_real *to,
                                                           const nn_real *ahead) {
  for (size_t i = 0; i + NN_VL <= S; i += NN_VL) {
    __builtin_prefetch(ahead + i);
    *(nn_vec *)(to + i) = *(const nn_vec *)(from + i);
  }
  for (size_t i = S / NN_VL * NN_VL; i < S; i++) to[i] = from[i];
}
enum { AHEAD = 16 };

/* Channel h of a node's numbers -> (T, W); what lies behind the sequence is zero. */
static void pack(const nn_ssm *s, const nn_frame *f, const nn_real *all, int h, nn_real *to) {
  size_t S = (size_t)f->lanes, W = s->chunks * S, stride = s->H * S;
  const nn_real *x = all + h * S;
  for (int t = 0; t < s->chunks * s->T; t++, x += stride) {
    nn_real *row = to + (size_t)(t % s->T) * W + t / s->T * S;
    if (t >= s->L)
      memset(row, 0, S * sizeof *row);
    else if (f->length && s->dirs == 2)
      for (size_t i = 0; i < S; i++) row[i] = t < nn_length(f, s->L, (int)i) ? x[i] : 0;
    else
      copy_row(S, x, row, x + AHEAD * stride);
  }
}

enum { SET, ADD };
static void unpack(const nn_ssm *s, const nn_frame *f, const nn_real *from, int h, nn_real *all, int how) {
  size_t S = (size_t)f->lanes, W = s->chunks * S, stride = s->H * S;
  nn_real *x = all + h * S;
  for (int t = 0; t < s->L; t++, x += stride) {
    const nn_real *row = from + (size_t)(t % s->T) * W + t / s->T * S;
    if (how == SET)
      copy_row(S, row, x, x + AHEAD * stride);
    else
      for (size_t i = 0; i < S; i++) x[i] += row[i];
  }
}

/* Numbers too small to matter would be slow. */
static void to_real(size_t n, const double *from, nn_real *to) {
  for (size_t i = 0; i < n; i++) to[i] = (nn_real)(fabs(from[i]) < 1e-30 ? 0 : from[i]);
}

/* Passed on from chunk to chunk, an error of hop would add up where modes hardly decay: diagonal ones are kept with
 * twice the digits, as a sum of two. */
static void split(const nn_ssm *s, const double *from, nn_real *to) {
  size_t n = hops(s);
  to_real(n, from, to);
  if (!s->diagonal) return;
  for (size_t i = 0; i < n; i++) to[n + i] = to[i] != 0 ? (nn_real)(from[i] - to[i]) : 0;
}

/* Every row of `local` is a piece of k0 reversed, k1. */
static void toeplitz(const nn_ssm *s, const double *kernel, nn_real *local) {
  enum { MOST = 64 };
  int T = s->T;
  nn_real lags[2 * MOST];
  for (int k = 0; k < T; k++)
    lags[T - 1 - k] = (nn_real)kernel[k], lags[T + k] = s->dirs == 2 ? (nn_real)kernel[T + k] : 0;
  for (int l = 0; l < T; l++) memcpy(local + l * T, lags + T - 1 - l, (size_t)T * sizeof *lags);
}

static void prepare(const nn_ssm *s, const nn_node *n, const nn_frame *f, int h, nn_ssm_fill *fill, desk *d) {
  fill(n, f, h, &d->c);
  toeplitz(s, d->c.kernel, d->local);
  to_real((size_t)s->T * states(s), d->c.in, d->in);
  to_real((size_t)s->T * states(s), d->c.out, d->out);
  split(s, d->c.hop, d->hop);
  split(s, d->c.hop_tail, d->tail);
}

/* run = x + hop run for one mode of n; x of the chunk is replaced by the old run. hop (2, 2, n), conjugated if
 * transposed. */
static void turn(const nn_real *hop, int n, nn_real side, int S, nn_real *a, nn_real *b, nn_real *r, nn_real *i) {
  nn_real hr = hop[0], hi = side * hop[n], lr = hop[2 * n], li = side * hop[3 * n];
  for (int k = 0; k < S; k++) {
    nn_real re = a[k] + (lr * r[k] - li * i[k]) + hr * r[k] - hi * i[k];
    nn_real im = b[k] + (lr * i[k] + li * r[k]) + hr * i[k] + hi * r[k];
    a[k] = r[k], b[k] = i[k];
    r[k] = re, i[k] = im;
  }
}
/* next += hop run, all states. */
static void turn_all(int M, const nn_real *hop, bool transposed, int S, desk *d) {
  nn_gemm(M, S, M, hop, transposed ? 1 : M, transposed ? M : 1, d->run, S, d->next, S);
}

/* Chunk after chunk from either end: x (M, W) holds what each chunk adds to the state and gets the state before it; run
 * (M, S) holds the first state and gets the last. */
static void sweep(const nn_ssm *s, const nn_real *hop, bool transposed, bool descending, nn_real *x, int S, desk *d) {
  int M = s->M, n = M / 2, W = d->W;
  for (int step = 0; step < s->chunks; step++) {
    nn_real *at = x + (size_t)(descending ? s->chunks - 1 - step : step) * S;
    for (int m = 0; m < n && s->diagonal; m++)
      turn(hop + m, n, transposed ? -1 : 1, S, at + (size_t)m * W, at + (size_t)(n + m) * W, d->run + m * S,
           d->run + (n + m) * S);
    if (s->diagonal) continue;
    for (int m = 0; m < M; m++) {
      nn_real *row = at + (size_t)m * W;
      memcpy(d->next + m * S, row, (size_t)S * sizeof *row);
      memcpy(row, d->run + m * S, (size_t)S * sizeof *row);
    }
    turn_all(M, hop, transposed, S, d);
    nn_real *swap = d->run;
    d->run = d->next, d->next = swap;
  }
}

/* y (T, W) = local u, only the lower triangle in one direction. */
static void inside(const nn_ssm *s, desk *d) {
  int T = s->T, W = d->W;
  for (int r = 0; r < T; r += ROWS)
    nn_gemm_set(ROWS, W, s->dirs == 2 ? T : r + ROWS, d->local + r * T, T, 1, d->u, W, d->y + (size_t)r * W, W);
}

/* The state behind the last position: one chunk of `tail` positions on from the last stored one. */
static void close_state(const nn_ssm *s, const nn_node *n, const nn_frame *f, int h, const nn_real *x, desk *d) {
  int S = f->lanes, M = s->M, last = (s->chunks - 1) * S;
  double *state = nn_ssm_state(s, n, f, h);
  for (int m = 0; m < M; m++) {
    memset(d->next + m * S, 0, (size_t)S * sizeof *d->next);
    memcpy(d->run + m * S, x + (size_t)m * d->W + last, (size_t)S * sizeof *d->run);
  }
  nn_gemm(M, S, s->tail, d->in + (size_t)(s->T - s->tail) * M, 1, M, d->u + last, d->W, d->next, S);
  if (s->diagonal)
    for (int m = 0; m < M / 2; m++)
      turn(d->tail + m, M / 2, 1, S, d->next + m * S, d->next + (M / 2 + m) * S, d->run + m * S,
           d->run + (M / 2 + m) * S);
  else
    turn_all(M, d->tail, false, S, d);
  const nn_real *end = s->diagonal ? d->run : d->next;
  for (int i = 0; i < M * S; i++) state[i] = end[i];
}

static void first_state(const nn_ssm *s, const nn_node *n, const nn_frame *f, int h, desk *d) {
  int count = s->M * f->lanes;
  for (int i = 0; i < count; i++) d->run[i] = f->carry && s->dirs == 1 ? (nn_real)nn_ssm_state(s, n, f, h)[i] : 0;
}

void nn_ssm_forward(const nn_ssm *s, const nn_node *n, const nn_frame *f, nn_ssm_fill *fill) {
  desk d;
  lay_out(s, f->lanes, f->scratch, nn_fixed_scratch(n, f), &d);
  int T = s->T, N = states(s), W = d.W;
  for (int h = 0; h < s->H; h++) {
    nn_real *x = kept(s, n, f, h);
    prepare(s, n, f, h, fill, &d);
    pack(s, f, f->value[n->in[0]], h, d.u);
    inside(s, &d);
    nn_gemm_set(N, W, T, d.in, 1, N, d.u, W, x, W);
    for (int dir = 0; dir < s->dirs; dir++) {
      first_state(s, n, f, h, &d);
      sweep(s, d.hop, false, dir == 1, x + (size_t)dir * s->M * W, f->lanes, &d);
    }
    nn_gemm(T, W, N, d.out, N, 1, x, W, d.y, W);
    unpack(s, f, d.y, h, f->value[n->id], SET);
    if (s->dirs == 1) close_state(s, n, f, h, x, &d);
  }
}

/* dU = local^T g + in e into d->y, then to dx. */
static void back_input(const nn_ssm *s, const nn_node *n, const nn_frame *f, int h, desk *d) {
  int T = s->T, N = states(s), W = d->W;
  nn_real *dx = f->grad[n->in[0]];
  if (!dx) return;
  for (int k = 0; k < T; k += ROWS) {
    int from = s->dirs == 2 ? 0 : k;
    nn_gemm_set(ROWS, W, T - from, d->local + from * T + k, 1, T, d->g + (size_t)from * W, W, d->y + (size_t)k * W, W);
  }
  nn_gemm(T, W, N, d->in, N, 1, d->e, W, d->y, W);
  if (f->length && s->dirs == 2) /* padding was read as zero */
    for (int t = 0; t < s->L; t++)
      for (int i = 0; i < f->lanes; i++)
        if (t >= nn_length(f, s->L, i)) d->y[(size_t)(t % T) * W + t / T * f->lanes + i] = 0;
  unpack(s, f, d->y, h, dx, nn_opens(n, f, 0) ? SET : ADD);
}

static void back_local(const nn_ssm *s, desk *d) {
  int T = s->T, W = d->W;
  double *k0 = d->c.dkernel, *k1 = k0 + T;
  for (int r = 0; r < T; r += ROWS)
    nn_gemm_set(ROWS, s->dirs == 2 ? T : r + ROWS, W, d->g + (size_t)r * W, W, 1, d->ut, T, d->dlocal + r * T, T);
  memset(k0, 0, sizeof *k0 * T * s->dirs);
  for (int l = 0; l < T; l++) {
    for (int k = 0; k <= l; k++) k0[l - k] += d->dlocal[l * T + k];
    for (int k = l + 1; k < T && s->dirs == 2; k++) k1[k - l - 1] += d->dlocal[l * T + k];
  }
}

/* (states, T) -> (T, states) in double */
static void turn_over(const nn_ssm *s, const nn_real *from, double *to) {
  for (int p = 0; p < s->T; p++)
    for (int m = 0; m < states(s); m++) to[p * states(s) + m] = from[m * s->T + p];
}

/* hop of a mode turns x by (hr, hi): gradient sum e conj(x). */
static void back_hop(const nn_ssm *s, const nn_real *x, desk *d) {
  int n = s->M / 2, W = d->W;
  memset(d->dhop, 0, (size_t)s->M * sizeof *d->dhop);
  for (int dir = 0; dir < s->dirs; dir++)
    for (int m = 0; m < n; m++) {
      size_t at = (size_t)(dir * s->M + m) * W, im = (size_t)n * W;
      nn_real c[4] = {0};
      nn_dot_rows(2, W, d->e + at, (long)im, x + at, c, 1);
      nn_dot_rows(2, W, d->e + at, (long)im, x + at + im, c + 2, 1);
      d->dhop[m] += c[0] + c[3], d->dhop[n + m] += c[1] - c[2];
    }
  for (int m = 0; m < s->M; m++) d->c.dhop[m] = d->dhop[m];
}

static void back_parameters(const nn_ssm *s, const nn_real *x, desk *d) {
  int T = s->T, N = states(s), W = d->W;
  nn_transpose(T, W, d->u, W, d->ut, T);
  nn_transpose(T, W, d->g, W, d->gt, T);
  back_local(s, d);
  nn_gemm_set(N, T, W, x, W, 1, d->gt, T, d->dout, T);
  turn_over(s, d->dout, d->c.dout);
  if (s->frozen) return;
  nn_gemm_set(N, T, W, d->e, W, 1, d->ut, T, d->din, T);
  turn_over(s, d->din, d->c.din);
  back_hop(s, x, d);
}

void nn_ssm_backward(const nn_ssm *s, const nn_node *n, const nn_frame *f, nn_ssm_fill *fill, nn_ssm_fill *collect) {
  desk d;
  lay_out(s, f->lanes, f->scratch, nn_fixed_scratch(n, f), &d);
  int T = s->T, N = states(s), W = d.W;
  for (int h = 0; h < s->H; h++) {
    const nn_real *x = kept(s, n, f, h);
    prepare(s, n, f, h, fill, &d);
    pack(s, f, f->value[n->in[0]], h, d.u);
    pack(s, f, f->grad[n->id], h, d.g);
    nn_gemm_set(N, W, T, d.out, 1, N, d.g, W, d.e, W);
    for (int dir = 0; dir < s->dirs; dir++) {
      memset(d.run, 0, (size_t)s->M * f->lanes * sizeof *d.run);
      sweep(s, d.hop, true, dir == 0, d.e + (size_t)dir * s->M * W, f->lanes, &d);
    }
    back_input(s, n, f, h, &d);
    back_parameters(s, x, &d);
    collect(n, f, h, &d.c);
  }
}
