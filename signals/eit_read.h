/* eit_read.h: recordings of impedance tomographs and phantoms. A reader turns the bytes of a file into a record or into
 * one error; it never trusts a length. Local, serial. */
#ifndef SIGNALS_EIT_READ_H
#define SIGNALS_EIT_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "signals/eit_protocol.h"

typedef struct eit_channels { /* auxiliary channels that stand together */
  const char *name, *unit;
  int count;
} eit_channels;

enum { EIT_GROUPS = 64 };
typedef struct eit_record {
  const char *format; /* name of the reader */
  int nframes, ndata;
  int rows, cols;         /* of reconstructed images; 0 for voltages */
  double rate;            /* frames/s; 0: the file does not say */
  double *data;           /* (nframes, ndata): voltages in the order of the protocol, or pixels, row 0 on top */
  double *time;           /* (nframes) in s from the first frame, NULL: the file does not say */
  eit_protocol *protocol; /* NULL for images */
  int naux, ngroups;      /* auxiliary channels and their groups */
  eit_channels group[EIT_GROUPS];
  double *aux; /* (nframes, naux) */
} eit_record;

typedef struct eit_source {   /* a file in memory */
  const char *name;           /* for messages */
  const unsigned char *bytes; /* (n), and a 0 behind them */
  size_t n;
} eit_source;

typedef struct eit_reader {
  const char *name, *help;
  bool (*matches)(const eit_source *s);                      /* does it look like this? */
  int (*parse)(eit_record **r, const eit_source *s, err *e); /* ERR_FILE */
} eit_reader;

/* get, draeger-get, draeger-eit, draeger-bin, sheffield, ktc, rpi, csv; NULL at the end. */
extern const eit_reader *const eit_readers[];

/* Reads a file with the named reader, or with the first one that recognises it (NULL). A text NAME.prl beside NAME.get
 * gives the rate. Caller frees. ERR_FILE: cannot be read, not recognised, damaged; one sentence with name and place. */
int eit_read(eit_record **r, const char *path, const char *reader, err *e);
int eit_read_bytes(eit_record **r, const eit_source *s, const char *reader, err *e);
void eit_record_free(eit_record *r);

/* Only the data for which keep[ndata] is true; the protocol follows. ERR_RUN: nothing is left, images. */
int eit_record_select(eit_record *r, const bool *keep, err *e);
/* mean (ndata) over frames first..first+n-1 */
void eit_record_mean(const eit_record *r, int first, int n, double *mean);
/* Column of the first channel of a group in aux; -1 if there is none of that name. */
int eit_record_channel(const eit_record *r, const char *group);

/* ---- for the readers ---- */

/* An empty record with room; NULL with the message. naux counts from the groups, which end with a NULL name. */
eit_record *eit_record_new(const char *format, int nframes, int ndata, const eit_channels *groups, err *e);
/* Adjacent drive and measurement of 16 electrodes in rotating order, 1 A. */
int eit_record_adjacent(eit_record *r, err *e);
/* Little-endian numbers; the file is long enough. */
float eit_float(const unsigned char *p);
double eit_double(const unsigned char *p);
unsigned eit_uint(const unsigned char *p);
/* A number after the first occurrence of `key` in text (n bytes, 0 behind them); NAN if there is none. */
double eit_number_after(const char *text, size_t n, const char *key);
/* All numbers finite, or ERR_FILE with the frame. */
int eit_record_finite(const eit_record *r, const char *name, err *e);

#endif
