/* eit_read_phantom.c: tanks with known contents.
 *
 * ktc: Kuopio Tomography Challenge 2023, MAT-5: drives Inj (32, nd) in mA, measurements Mpat (32, nm), voltages Uel (nd
 * nm), or Injref, Uelref of the water-filled tank; NaN marks what a level leaves out and stays NAN here
 * (eit_record_select). rpi: ACT 3 (Rensselaer), text: the amplitude of the current in mA, then 32 voltages in mV for
 * each of 31 trigonometric drives, cos first; electrode l (from 1) lies at angle l 2 pi/32. Data here are in V,
 * currents in A. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "signals/eit_readers.h"
#include "signals/mat.h"

static bool ktc_matches(const eit_source *s) {
  return mat_matches(s->bytes, s->n);
}

static const mat_array *either(const mat *m, const char *a, const char *b) {
  const mat_array *x = mat_find(m, a);
  return x ? x : mat_find(m, b);
}

static int ktc_record(eit_record **out, const mat *m, const eit_source *s, err *e) {
  const mat_array *drive = either(m, "Inj", "Injref"), *meas = mat_find(m, "Mpat"), *v = either(m, "Uel", "Uelref");
  if (!drive || !meas || !v) return err_set(e, ERR_FILE, "%s: Inj, Mpat and Uel are not all there", s->name);
  long n = (long)drive->cols * meas->cols, have = (long)v->rows * v->cols;
  if (drive->rows != meas->rows || have != n || n > 1000000 || drive->rows > 1024)
    return err_set(e, ERR_FILE, "%s: Inj is %d x %d, Mpat %d x %d, but there are %ld voltages", s->name, drive->rows,
                   drive->cols, meas->rows, meas->cols, have);
  eit_record *r = *out = eit_record_new("ktc", 1, (int)n, NULL, e);
  double *ampere = malloc((size_t)drive->rows * (size_t)drive->cols * sizeof *ampere + 8);
  if (r && ampere) {
    for (long i = 0; i < (long)drive->rows * drive->cols; i++) ampere[i] = 1e-3 * drive->x[i];
    if (eit_protocol_new(&r->protocol, drive->rows, drive->cols, ampere, meas->cols, meas->x, NULL, e)) {
      e->code = ERR_FILE;
      err_context(e, "%s", s->name);
    }
    for (long i = 0; i < n && !e->code; i++)
      if (isinf(r->data[i] = v->x[i]) || fabs(v->x[i]) > 1e30)
        err_set(e, ERR_FILE, "%s: voltage %ld is %g", s->name, i + 1, v->x[i]);
  }
  if (!ampere) err_set(e, ERR_FILE, "%s: no memory", s->name);
  free(ampere);
  return e->code;
}

static int ktc_parse(eit_record **out, const eit_source *s, err *e) {
  mat *m;
  if (mat_parse(&m, s->name, s->bytes, s->n, e)) return e->code;
  int rc = ktc_record(out, m, s, e);
  mat_free(m);
  return rc;
}

/* ---- RPI ---- */

enum { L = 32, DRIVES = 31, NUMBERS = 1 + L * DRIVES };

/* One number per line. */
static int numbers(const eit_source *s, double *x, int most) {
  const char *p = (const char *)s->bytes, *end = p + s->n;
  int n = 0;
  for (;; n++) {
    while (p < end && isspace((unsigned char)*p)) p++;
    char *next;
    if (p == end) return n;
    double v = strtod(p, &next);
    if (next == p || next > end || n == most) return -1;
    x[n] = v, p = next;
  }
}

static bool rpi_matches(const eit_source *s) {
  if (s->n < 2 * NUMBERS || s->n > 64 * NUMBERS || memchr(s->bytes, ',', 200) || memchr(s->bytes, ';', 200))
    return false;
  for (size_t i = 0; i < 200; i++)
    if (!isspace(s->bytes[i]) && !isdigit(s->bytes[i]) && !strchr("+-.eE", s->bytes[i])) return false;
  return true;
}

static int rpi_parse(eit_record **out, const eit_source *s, err *e) {
  double x[NUMBERS + 1];
  int n = numbers(s, x, NUMBERS + 1);
  if (n != NUMBERS)
    return err_set(e, ERR_FILE, "%s: not %d numbers, the amplitude and 31 x 32 voltages", s->name, NUMBERS);
  if (!(x[0] > 0 && x[0] < 1e6)) return err_set(e, ERR_FILE, "%s: the amplitude of the current is %g", s->name, x[0]);
  eit_record *r = *out = eit_record_new("rpi", 1, L * DRIVES, NULL, e);
  if (!r || eit_protocol_trigonometric(&r->protocol, L, 2 * 3.14159265358979323846 / L, 1e-3 * x[0], e)) return e->code;
  for (int i = 0; i < L * DRIVES; i++) r->data[i] = 1e-3 * x[1 + i];
  return eit_record_finite(r, s->name, e);
}

const eit_reader eit_read_ktc = {"ktc", "Kuopio Tomography Challenge 2023, MAT-5", ktc_matches, ktc_parse};
const eit_reader eit_read_rpi = {"rpi", "ACT 3 tank of Rensselaer, text", rpi_matches, rpi_parse};
