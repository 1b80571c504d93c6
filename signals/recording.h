/* recording.h: one view of measured signals whatever their file: leads with names, units and own sampling rates,
 * physical samples by position, notes in time. The family `signals_readers` knows the files; a recording is open for
 * reading and holds bounded memory (its notes excepted). Local. A file that is missing, cut off or malformed is
 * ERR_FILE with file, line or byte, and reason; a request outside of a lead is ERR_RUN. */
#ifndef SIGNALS_RECORDING_H
#define SIGNALS_RECORDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

typedef struct signals_lead {
  char *name, *unit;
  double rate; /* Hz */
  int64_t samples;
} signals_lead;

typedef struct signals_note {
  double time, duration; /* s from the first sample; duration 0: a moment, or not told */
  char *label, *text;    /* WFDB: symbol and auxiliary text; EDF: text and "" */
} signals_note;

/* What a file may not tell; zero or NULL: the default. */
typedef struct recording_options {
  double rate;         /* Hz, of CSV, NPY and HDF5 files without one; default 1 */
  long item;           /* which recording of an array (recordings, leads, samples); default 0 */
  const char *dataset; /* of an HDF5 file; default "/signals" */
} recording_options;

typedef struct signals_reader signals_reader;
typedef struct recording {
  const signals_reader *reader;
  char *path;
  int leads;
  signals_lead *lead;  // (leads)
  long notes;
  signals_note *note;  // (notes) ascending in time
  char *comments;      /* lines ended by newlines; "" */
  void *state;         /* of the reader */
} recording;

struct signals_reader {
  const char *name, *help;
  bool (*claims)(const char *path);
  int (*open)(recording *r, const recording_options *o,
              err *e); /* fills leads, notes, state; close follows either way */
  int (*read)(recording *r, int lead, int64_t first, long n, double *x, err *e); /* within the lead */
  void (*close)(recording *r);                                                   /* frees state, which may be NULL */
  /* Replaces `path` by a file that holds r (NULL: cannot be written). */
  int (*write)(recording *r, const char *path, err *e);
};
extern const signals_reader *const signals_readers[]; /* wfdb, edf, csv, npy, hdf5; ends in NULL */

/* The reader is chosen by the name: .hea (or a name beside which NAME.hea stands), .edf .bdf, .csv .txt, .npy, .h5
 * .hdf5. o may be NULL. Caller closes. */
int recording_open(recording **r, const char *path, const recording_options *o, err *e);
void recording_close(recording *r); /* r may be NULL */
/* Samples first ... first+n-1 of a lead in its unit, NaN where nothing was recorded: x (n). */
int recording_read(recording *r, int lead, int64_t first, long n, double *x, err *e);
/* The same for all leads, which must have one rate and length: x (leads, n). Each block of the file is read once. */
int recording_read_all(recording *r, int64_t first, long n, double *x, err *e);
/* Number of the lead of that name (case and the words "lead" or "ECG" before it do not matter), or -1. */
int recording_find(const recording *r, const char *name);
double recording_seconds(const recording *r); /* of its longest lead */
/* The same signals in a file of the format that the name of `path` asks for. CSV, NPY and HDF5 want leads of one rate
 * and length and drop notes; WFDB and EDF quantise to 16 bits of each lead's range. */
int recording_write(recording *r, const char *path, err *e);

/* ---- for readers ---- */
int recording_make_leads(recording *r, int n, err *e); /* all empty */
int recording_set_lead(recording *r, int i, const char *name, const char *unit, double rate, int64_t samples, err *e);
int recording_add_note(recording *r, double time, double duration, const char *label, const char *text, err *e);
int recording_sort_notes(recording *r, err *e); /* ascending in time, stable */
/* For writers of one table: the common rate and length of all leads. */
int recording_common(const recording *r, double *rate, int64_t *samples, err *e);
/* Smallest and largest finite sample of a lead; 0, 0 if there is none. */
int recording_range(recording *r, int lead, double *low, double *high, err *e);

#endif
