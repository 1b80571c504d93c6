/* wfdb_flac.h: FLAC streams as signal files (formats 508, 516, 524), by position. Local. */
#ifndef SIGNALS_WFDB_FLAC_H
#define SIGNALS_WFDB_FLAC_H

#include <stdint.h>

#include "base/err.h"

typedef struct wfdb_flac wfdb_flac;
/* ERR_FILE: no FLAC stream, other channels or bits than told. *samples: per channel, -1 if the stream does not tell. */
int wfdb_flac_open(wfdb_flac **f, const char *path, int channels, int bits, int64_t *samples, err *e);
/* Samples first ... first+n-1 of every channel: x (n, channels). */
int wfdb_flac_read(wfdb_flac *f, int64_t first, long n, int32_t *x, err *e);
void wfdb_flac_close(wfdb_flac *f); /* f may be NULL */

#endif
