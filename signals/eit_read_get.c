/* eit_read_get.c: .get of the Goe-MF II and of its descendants (MCEIT, CareFusion/Viasys, old Draeger).
 *
 * A frame is 256 little-endian floats: 208 magnitudes of transimpedance in rotating order, 16 currents (5.12 mA units),
 * 16 voltages of the driving electrodes (12 V units), 16 auxiliary inputs. Where value 38 is 0 there are only the 104
 * data that reciprocity leaves: 13, 13, 12, 11, ... 1 for drives 1, 2, 3, ...; the others are filled in from them.
 * Magnitudes have no sign: the model's data are their negatives. Source of the layout: public descriptions of the
 * format (EIDORS). */
#include <math.h>
#include <string.h>

#include "signals/eit_readers.h"

enum { FRAME = 1024, DATA = 208, PER_DRIVE = 13, L = 16 };
static const eit_channels channels[] = {
    {"current", "A", 16}, {"drive voltage", "V", 16}, {"auxiliary", "", 16}, {NULL}};
static const char old_draeger[] = "---Draeger EIT-Software";

/* v (DATA) of one frame; half: only 104 data are there. */
static void fill(double *v, bool half) {
  double in[DATA], full[L][L];
  if (!half) return;
  memcpy(in, v, sizeof in);
  memset(full, 0, sizeof full);
  for (int k = 0, at = 0; k < L; k++) /* drive k measures pairs k+2 .. 15 (drive 0: up to 14) */
    for (int m = k + 2; m < L - (k == 0); m++) full[k][m] = full[m][k] = in[at++];
  for (int k = 0; k < L; k++)
    for (int i = 0; i < PER_DRIVE; i++) v[k * PER_DRIVE + i] = full[k][(k + 2 + i) % L];
}

static int frames(eit_record **out, const char *format, const eit_source *s, size_t from, err *e) {
  size_t n = s->n - from;
  if (n < FRAME || n % FRAME || n / FRAME > 10000000)
    return err_set(e, ERR_FILE, "%s: %zu bytes of frames are not a multiple of %d", s->name, n, FRAME);
  eit_record *r = *out = eit_record_new(format, (int)(n / FRAME), DATA, channels, e);
  if (!r || eit_record_adjacent(r, e)) return e->code;
  for (int t = 0; t < r->nframes; t++) {
    const unsigned char *p = s->bytes + from + (size_t)t * FRAME;
    double *v = r->data + (long)t * DATA, *aux = r->aux + (long)t * r->naux;
    for (int i = 0; i < DATA; i++) v[i] = eit_float(p + 4 * i);
    fill(v, v[38] == 0);
    for (int i = 0; i < 48; i++) aux[i] = eit_float(p + 4 * (DATA + i)) * (i < 16 ? .00512 : i < 32 ? 12 : 1);
  }
  return eit_record_finite(r, s->name, e);
}

/* Magnitudes of a tomograph lie between nV and kV: tells floats from anything else. */
static bool matches(const eit_source *s) {
  if (s->n < FRAME || s->n % FRAME) return false;
  int fair = 0;
  for (int i = 0; i < DATA; i++) {
    double x = fabs((double)eit_float(s->bytes + 4 * i));
    fair += x == 0 || (x > 1e-9 && x < 1e5);
  }
  return fair == DATA;
}

static int parse(eit_record **r, const eit_source *s, err *e) {
  return frames(r, "get", s, 0, e);
}

static bool old_matches(const eit_source *s) {
  size_t n = s->n < 400 ? s->n : 400;
  return n > sizeof old_draeger && memmem(s->bytes, n, old_draeger, sizeof old_draeger - 1) == s->bytes;
}

/* The header ends behind two empty lines. */
static int old_parse(eit_record **r, const eit_source *s, err *e) {
  if (!old_matches(s)) return err_set(e, ERR_FILE, "%s: does not begin with %s", s->name, old_draeger);
  const unsigned char *a = memmem(s->bytes, s->n, "\r\n\r\n\r\n", 6), *b = memmem(s->bytes, s->n, "\n\n\n", 3);
  const unsigned char *end = a && (!b || a < b) ? a + 6 : b ? b + 3 : NULL;
  if (!end) return err_set(e, ERR_FILE, "%s: the end of the header (two empty lines) is missing", s->name);
  size_t from = (size_t)(end - s->bytes);
  if (frames(r, "draeger-get", s, from, e)) return e->code;
  double rate = eit_number_after((const char *)s->bytes, from, "Framerate [Hz]:");
  (*r)->rate = rate > 0 && rate < 1e4 ? rate : 0;
  return 0;
}

const eit_reader eit_read_get = {"get", "Goe-MF II, MCEIT, CareFusion/Viasys .get", matches, parse};
const eit_reader eit_read_draeger_get = {"draeger-get", "old Draeger .get with a header", old_matches, old_parse};
