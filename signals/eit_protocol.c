/* eit_protocol.c: eit_protocol_new, _pairs, _trigonometric, _copy, _free, _partners, _reciprocity. */
#include "signals/eit_protocol.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TWO_PI 6.283185307179586

void eit_protocol_free(eit_protocol *p) {
  if (p) free(p->vector), free(p->drive), free(p->meas);
  free(p);
}

static eit_protocol *room(int n, int nvectors, int ndata, err *e) {
  eit_protocol *p = calloc(1, sizeof *p);
  if (p) {
    p->nelectrodes = n, p->scale = 1;
    p->vector = calloc((size_t)nvectors * (size_t)n + 1, sizeof *p->vector);
    p->drive = calloc((size_t)ndata + 1, sizeof *p->drive);
    p->meas = calloc((size_t)ndata + 1, sizeof *p->meas);
    if (p->vector && p->drive && p->meas) return p;
  }
  eit_protocol_free(p);
  err_set(e, ERR_RUN, "protocol: no memory for %d data", ndata);
  return NULL;
}

int eit_protocol_copy(eit_protocol **out, const eit_protocol *from, err *e) {
  eit_protocol *p = *out = room(from->nelectrodes, from->nvectors, from->ndata, e);
  if (!p) return e->code;
  p->nvectors = from->nvectors, p->ndrives = from->ndrives, p->ndata = from->ndata, p->scale = from->scale;
  memcpy(p->vector, from->vector, (size_t)from->nvectors * (size_t)from->nelectrodes * sizeof *p->vector);
  memcpy(p->drive, from->drive, (size_t)from->ndata * sizeof *p->drive);
  memcpy(p->meas, from->meas, (size_t)from->ndata * sizeof *p->meas);
  return 0;
}

/* The number of vector v less its mean, added if it is new. */
static int number_of(eit_protocol *p, const double *v) {
  size_t n = (size_t)p->nelectrodes;
  double *w = p->vector + (size_t)p->nvectors * n, mean = 0, size = 0;
  for (size_t l = 0; l < n; l++) mean += v[l] / (double)n, size += fabs(v[l]);
  for (size_t l = 0; l < n; l++) w[l] = fabs(mean) > 1e-12 * size ? v[l] - mean : v[l];
  for (int i = 0; i < p->nvectors; i++)
    if (!memcmp(p->vector + (size_t)i * n, w, n * sizeof *w)) return i;
  return p->nvectors++;
}

static int balanced(int n, const double *v, int which, err *e) {
  double sum = 0, size = 0;
  for (int l = 0; l < n; l++) sum += v[l], size += fabs(v[l]);
  if (size > 0 && fabs(sum) <= 1e-6 * size) return 0;
  return err_set(e, ERR_RUN, "protocol: drive %d: the currents sum to %g A instead of 0", which + 1, sum);
}

int eit_protocol_new(eit_protocol **out, int n, int nd, const double *drive, int nm, const double *meas,
                     const bool *keep, err *e) {
  int ndata = 0;
  *out = NULL;
  if (n < 2 || nd < 1 || nm < 1 || (long)nd * nm > 100000000)
    return err_set(e, ERR_RUN, "protocol: %d electrodes, %d drives, %d measurements", n, nd, nm);
  for (int k = 0; k < nd; k++)
    if (balanced(n, drive + (long)k * n, k, e)) return e->code;
  for (long i = 0; i < (long)nd * nm; i++) ndata += !keep || keep[i];
  if (!ndata) return err_set(e, ERR_RUN, "protocol: no datum is kept");
  eit_protocol *p = room(n, nd + nm + 1, ndata, e);
  int *d = malloc((size_t)nd * sizeof *d), *m = malloc((size_t)nm * sizeof *m);
  if (p && d && m) {
    for (int k = 0; k < nd; k++) d[k] = number_of(p, drive + (long)k * n);
    p->ndrives = p->nvectors;
    for (int j = 0; j < nm; j++) m[j] = number_of(p, meas + (long)j * n);
    for (long i = 0; i < (long)nd * nm; i++)
      if (!keep || keep[i]) p->drive[p->ndata] = d[i / nm], p->meas[p->ndata++] = m[i % nm];
    *out = p;
  } else {
    eit_protocol_free(p);
    err_set(e, ERR_RUN, "protocol: no memory for %d data", ndata);
  }
  free(d), free(m);
  return e->code;
}

int eit_protocol_pairs(eit_protocol **out, int n, int skip, bool rotating, double current, err *e) {
  *out = NULL;
  if (n < 4 || skip < 1 || skip >= n || !(fabs(current) > 0))
    return err_set(e, ERR_RUN, "protocol: %d electrodes, skip %d, current %g", n, skip, current);
  eit_protocol *p = room(n, n, n * n, e);
  if (!p) return e->code;
  for (int k = 0; k < n; k++) p->vector[(long)k * n + k] = 1, p->vector[(long)k * n + (k + skip) % n] = -1;
  p->ndrives = p->nvectors = n, p->scale = current;
  for (int k = 0; k < n; k++)
    for (int j = 0; j < n; j++) {
      int m = rotating ? (k + skip + 1 + j) % n : j, ends[2] = {m, (m + skip) % n};
      bool touches = false;
      for (int i = 0; i < 2; i++) touches |= ends[i] == k || ends[i] == (k + skip) % n;
      if (touches) continue;
      p->drive[p->ndata] = k;
      p->meas[p->ndata++] = m;
    }
  *out = p;
  return 0;
}

int eit_protocol_trigonometric(eit_protocol **out, int n, double first, double amplitude, err *e) {
  *out = NULL;
  if (n < 4 || n % 2) return err_set(e, ERR_RUN, "protocol: %d electrodes: even and at least 4", n);
  double *drive = calloc((size_t)(n - 1 + n) * (size_t)n, sizeof *drive), *unit = drive + (size_t)(n - 1) * (size_t)n;
  if (!drive) return err_set(e, ERR_RUN, "protocol: no memory");
  for (int k = 0; k < n - 1; k++)
    for (int l = 0; l < n; l++) {
      int j = k < n / 2 ? k + 1 : k - n / 2 + 1;
      double t = j * (first + TWO_PI * l / n);
      drive[(long)k * n + l] = amplitude * (k < n / 2 ? cos(t) : sin(t));
    }
  for (int l = 0; l < n; l++) unit[(long)l * n + l] = 1;
  eit_protocol_new(out, n, n - 1, drive, n, unit, NULL, e);
  free(drive);
  return e->code;
}

/* s with a = s b, 0 if they are no multiples. */
static double ratio(int n, const double *a, const double *b) {
  double ab = 0, bb = 0, off = 0;
  for (int l = 0; l < n; l++) ab += a[l] * b[l], bb += b[l] * b[l];
  for (int l = 0; l < n; l++) off = fmax(off, fabs(a[l] - ab / bb * b[l]));
  return off <= 1e-12 * fabs(ab) / sqrt(bb) ? ab / bb : 0;
}

void eit_protocol_partners(const eit_protocol *p, int *partner, int *sign) {
  int n = p->nelectrodes;
  for (int i = 0; i < p->ndata; i++) {
    partner[i] = -1, sign[i] = 1;
    for (int j = 0; j < p->ndata && partner[i] < 0; j++) {
      double a = ratio(n, p->vector + (long)p->drive[i] * n, p->vector + (long)p->meas[j] * n);
      double b = a != 0 ? ratio(n, p->vector + (long)p->drive[j] * n, p->vector + (long)p->meas[i] * n) : 0;
      if (b != 0 && fabs(fabs(a) - fabs(b)) <= 1e-12 * fabs(a)) partner[i] = j, sign[i] = a * b < 0 ? -1 : 1;
    }
  }
}

double eit_protocol_reciprocity(const eit_protocol *p, const double *v) {
  int *partner = malloc(2 * (size_t)p->ndata * sizeof *partner), *sign = partner + p->ndata;
  double off = 0, size = 0;
  if (!partner) return NAN;
  eit_protocol_partners(p, partner, sign);
  for (int i = 0; i < p->ndata; i++) {
    if (partner[i] < 0) continue;
    off += (v[i] - sign[i] * v[partner[i]]) * (v[i] - sign[i] * v[partner[i]]);
    size += v[i] * v[i];
  }
  free(partner);
  return sqrt(off / size);
}
