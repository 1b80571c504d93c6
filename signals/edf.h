/* edf.h: European data format: EDF (16 bits), BDF (24 bits), and their plus variants with annotations, continuous or
 * not. Kemp et al., Electroencephalogr. Clin. Neurophysiol. 82 (1992) 391; Kemp & Olivan, Clin. Neurophysiol. 114
 * (2003) 1755. Streaming by data record. Local; ERR_FILE with file, place and reason. */
#ifndef SIGNALS_EDF_H
#define SIGNALS_EDF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

typedef struct edf_signal {
  char label[17], transducer[81], unit[9], prefilter[81];
  double physical_min, physical_max; /* may be swapped: polarity */
  int32_t digital_min, digital_max;
  int samples;      /* per data record */
  bool annotations; /* texts, no samples */
  int64_t at;       /* bytes before it in a data record */
} edf_signal;

typedef struct edf_header {
  char *path;
  char patient[81], recording[81];
  int day, month, year, hour, minute, second; /* year 0: no valid date */
  bool bdf, plus, discontinuous;
  int64_t records, header_bytes, record_bytes;
  double duration; /* s of a data record */
  int signals;
  edf_signal *signal;  // (signals)
} edf_header;

typedef struct edf_note {
  double time, duration; /* s from the beginning of the first data record; duration 0 if not told */
  char *text;
} edf_note;

typedef struct edf edf;
int edf_open(edf **f, const char *path, err *e);
void edf_close(edf *f); /* f may be NULL */
const edf_header *edf_head(const edf *f);
long edf_notes(const edf *f, const edf_note **note); /* in the order of the file */
/* Beginning of a data record, s after that of the first one. */
double edf_start(const edf *f, int64_t record);
/* Samples from ... from+n-1 of a signal within one data record, digital: x (n). */
int edf_read(edf *f, int signal, int64_t record, int from, int n, int32_t *x, err *e);
double edf_physical(const edf_signal *s, int32_t digital);

/* Writer of EDF+C or BDF+C. h: patient and recording (without blanks: '_'), date, bdf, duration, signals (label, unit,
 * ranges, samples); copied. Notes may be given at any time before the end; they need a room of `note_bytes` in each
 * data record (0: plain EDF without notes). */
typedef struct edf_writer edf_writer;
int edf_create(edf_writer **w, const char *path, const edf_header *h, int note_bytes, err *e);
void edf_note_later(edf_writer *w, double time, double duration, const char *text, err *e);
/* One data record: the samples of signal 0, then of signal 1 ...; within the digital ranges, else ERR_FILE. */
int edf_put(edf_writer *w, const int32_t *x, err *e);
int edf_finish(edf_writer *w, err *e); /* frees w either way; notes that found no room: ERR_FILE */
void edf_abandon(edf_writer *w);

#endif
