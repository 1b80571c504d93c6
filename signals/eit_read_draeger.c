/* eit_read_draeger.c: PulmoVista 500: raw .eit, and .bin (reconstructed images with ventilator data).
 *
 * .eit: uint32 version (31, 32, 51: frames of 4112, 5200, 5495 bytes), uint32 H, text; frames start at H + 8: double
 * time in days, doubles in mV. Transimpedance (relative) = .00098242 v[0..207] - .00019607 v[322..529]; v[224..239] the
 * currents in mA. Version 51 is checked on a recording; of 31, whose frames are shorter, the second term is missing.
 * .bin: frames of double time in days, float, 32 x 32 floats, int32 flag, int32 event, 30 bytes of text, int32 timing
 * error, then 52 or 58 floats of the ventilator; values below -1e30 are missing (here NAN).
 * Source of the layouts: public descriptions (EIDORS, eitprocessing). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "signals/eit_readers.h"

enum { DATA = 208, SECOND = 322, CURRENT = 224, SIDE = 32, PIXELS = SIDE * SIDE };
static const eit_channels currents[] = {{"current", "mA", 16}, {NULL}};

static size_t frame_size(unsigned version) {
  return version == 31 ? 4112 : version == 32 ? 5200 : version == 51 ? 5495 : 0;
}

static bool eit_matches(const eit_source *s) {
  return s->n > 8 && eit_uint(s->bytes) < 256 &&
         memmem(s->bytes, s->n < 400 ? s->n : 400, "---Draeger EIT-Software", 23);
}

/* Seconds from the first frame; days turn over at midnight. */
static int times(eit_record *r, const eit_source *s, size_t from, size_t size, err *e) {
  r->time = calloc((size_t)r->nframes + 1, sizeof *r->time);
  if (!r->time) return err_set(e, ERR_FILE, "%s: no memory for %d frames", s->name, r->nframes);
  double first = eit_double(s->bytes + from);
  for (int t = 0; t < r->nframes; t++) {
    double day = eit_double(s->bytes + from + (size_t)t * size) - first;
    if (!(fabs(day) < 1e6)) return err_set(e, ERR_FILE, "%s: frame %d: the time is damaged", s->name, t + 1);
    r->time[t] = 86400 * (day < -.5 ? day + 1 : day);
  }
  return 0;
}

static int eit_parse(eit_record **out, const eit_source *s, err *e) {
  if (s->n < 9) return err_set(e, ERR_FILE, "%s: %zu bytes are no PulmoVista file", s->name, s->n);
  unsigned version = eit_uint(s->bytes), header = eit_uint(s->bytes + 4);
  size_t size = frame_size(version), from = (size_t)header + 8, values = size / 8 - 1;
  if (!size) return err_set(e, ERR_FILE, "%s: version %u: 31, 32 and 51 are known", s->name, version);
  if (from >= s->n) return err_set(e, ERR_FILE, "%s: the header of %u bytes is longer than the file", s->name, header);
  if ((s->n - from) % size)
    return err_set(e, ERR_FILE, "%s: %zu bytes of frames are not a multiple of %zu", s->name, s->n - from, size);
  eit_record *r = *out = eit_record_new("draeger-eit", (int)((s->n - from) / size), DATA, currents, e);
  if (!r || eit_record_adjacent(r, e)) return e->code;
  for (int t = 0; t < r->nframes; t++) {
    const unsigned char *p = s->bytes + from + (size_t)t * size + 8;
    for (int i = 0; i < DATA; i++) {
      double second = values >= SECOND + DATA ? eit_double(p + 8 * (SECOND + i)) : 0;
      r->data[(long)t * DATA + i] = .00098242 * eit_double(p + 8 * i) - .00019607 * second;
    }
    for (int i = 0; i < 16; i++) r->aux[(long)t * 16 + i] = eit_double(p + 8 * (CURRENT + i));
  }
  double rate = eit_number_after((const char *)s->bytes, from, "Framerate [Hz]:");
  r->rate = rate > 0 && rate < 1e4 ? rate : 0;
  return eit_record_finite(r, s->name, e) || times(r, s, from, size, e) ? e->code : 0;
}

/* ---- .bin ---- */

enum {
  BIN_IMAGE = 12,
  BIN_FLAG = BIN_IMAGE + 4 * PIXELS,
  BIN_EVENT = BIN_FLAG + 4,
  BIN_FIELDS = BIN_EVENT + 4 + 30 + 4
};
static const eit_channels without_pod[] = {{"airway pressure", "mbar", 1},
                                           {"flow", "L/min", 1},
                                           {"volume", "mL", 1},
                                           {"ventilator", "", 49},
                                           {"flag", "", 1},
                                           {"event", "", 1},
                                           {NULL}};
static const eit_channels with_pod[] = {{"airway pressure", "mbar", 1},
                                        {"flow", "L/min", 1},
                                        {"volume", "mL", 1},
                                        {"ventilator", "", 51},
                                        {"pod airway pressure", "mbar", 1},
                                        {"oesophageal pressure", "mbar", 1},
                                        {"transpulmonary pressure", "mbar", 1},
                                        {"gastric pressure", "mbar", 1},
                                        {"flag", "", 1},
                                        {"event", "", 1},
                                        {NULL}};

/* Fields per frame: 52 or 58, from the file's length; both fit only for very long files, then times decide. */
static int fields_of(const eit_source *s) {
  for (int fields = 52; fields <= 58; fields += 6) {
    size_t size = BIN_FIELDS + 4 * (size_t)fields;
    if (s->n < size || s->n % size) continue;
    double first = eit_double(s->bytes), second = s->n > size ? eit_double(s->bytes + size) : first;
    if (first >= 0 && first < 1e6 && fabs(second - first) < 2) return fields;
  }
  return 0;
}

static bool bin_matches(const eit_source *s) {
  return fields_of(s) > 0;
}

static int bin_parse(eit_record **out, const eit_source *s, err *e) {
  int fields = fields_of(s);
  size_t size = BIN_FIELDS + 4 * (size_t)fields;
  if (!fields)
    return err_set(e, ERR_FILE, "%s: %zu bytes are no multiple of frames of %d or %d bytes with times", s->name, s->n,
                   BIN_FIELDS + 4 * 52, BIN_FIELDS + 4 * 58);
  if (s->n / size > 10000000) return err_set(e, ERR_FILE, "%s: %zu frames are too many", s->name, s->n / size);
  eit_record *r = *out =
      eit_record_new("draeger-bin", (int)(s->n / size), PIXELS, fields == 58 ? with_pod : without_pod, e);
  if (!r) return e->code;
  r->rows = r->cols = SIDE;
  for (int t = 0; t < r->nframes; t++) {
    const unsigned char *p = s->bytes + (size_t)t * size;
    double *aux = r->aux + (long)t * r->naux;
    for (int i = 0; i < PIXELS; i++) r->data[(long)t * PIXELS + i] = eit_float(p + BIN_IMAGE + 4 * i);
    for (int i = 0; i < fields; i++) {
      double x = eit_float(p + BIN_FIELDS + 4 * i);
      aux[i] = x < -1e30 ? NAN : x;
    }
    aux[fields] = (int)eit_uint(p + BIN_FLAG), aux[fields + 1] = (int)eit_uint(p + BIN_EVENT);
  }
  if (eit_record_finite(r, s->name, e) || times(r, s, 0, size, e)) return e->code;
  double span = r->nframes > 1 ? r->time[r->nframes - 1] : 0;
  r->rate = span > 0 ? (r->nframes - 1) / span : 0;
  return 0;
}

const eit_reader eit_read_draeger_eit = {"draeger-eit", "PulmoVista .eit (raw)", eit_matches, eit_parse};
const eit_reader eit_read_draeger_bin = {"draeger-bin", "PulmoVista .bin (images and ventilator)", bin_matches,
                                         bin_parse};
