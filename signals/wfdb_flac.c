/* wfdb_flac.c: wfdb_flac_open, _read, _close, over libFLAC's stream decoder. One decoded block is kept; what lies
 * behind it is decoded on, anything else is sought. */
#include "signals/wfdb_flac.h"

#include <FLAC/stream_decoder.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct wfdb_flac {
  FLAC__StreamDecoder *d;
  char *path;
  int channels, bits;
  int64_t total;          /* -1: not told */
  bool told;              /* the stream's description has been seen, and it fits */
  int64_t first, samples; /* of the block kept */
  int32_t *x;             // (samples, channels)
  size_t room;
  bool memory, wrong;
};

static FLAC__StreamDecoderWriteStatus block(const FLAC__StreamDecoder *d, const FLAC__Frame *frame,
                                            const FLAC__int32 *const buffer[], void *p) {
  wfdb_flac *f = p;
  int n = (int)frame->header.blocksize;
  size_t room = (size_t)n * (size_t)f->channels;
  if ((int)frame->header.channels != f->channels || (int)frame->header.bits_per_sample != f->bits) {
    f->wrong = true;
    return FLAC__STREAM_DECODER_WRITE_STATUS_ABORT;
  }
  if (room > f->room) {
    int32_t *more = realloc(f->x, room * sizeof *more);
    if (!more) return f->memory = true, FLAC__STREAM_DECODER_WRITE_STATUS_ABORT;
    f->x = more, f->room = room;
  }
  for (int c = 0; c < f->channels; c++)
    for (int i = 0; i < n; i++) f->x[i * f->channels + c] = buffer[c][i];
  f->first = (int64_t)frame->header.number.sample_number, f->samples = n;
  return FLAC__STREAM_DECODER_WRITE_STATUS_CONTINUE;
}

static void description(const FLAC__StreamDecoder *d, const FLAC__StreamMetadata *m, void *p) {
  wfdb_flac *f = p;
  if (m->type != FLAC__METADATA_TYPE_STREAMINFO) return;
  const FLAC__StreamMetadata_StreamInfo *s = &m->data.stream_info;
  f->told = true;
  f->wrong |= (int)s->channels != f->channels || (int)s->bits_per_sample != f->bits;
  f->total = s->total_samples ? (int64_t)s->total_samples : -1;
}

static void damage(const FLAC__StreamDecoder *d, FLAC__StreamDecoderErrorStatus status, void *p) {
  ((wfdb_flac *)p)->wrong = true;
}

static int fault(const wfdb_flac *f, const char *what, err *e) {
  if (f->memory) return err_set(e, ERR_RUN, "%s: no memory", f->path);
  return err_set(e, ERR_FILE, "%s: %s (a FLAC stream of %d channels of %d bits is wanted)", f->path, what, f->channels,
                 f->bits);
}

int wfdb_flac_open(wfdb_flac **out, const char *path, int channels, int bits, int64_t *samples, err *e) {
  wfdb_flac *f = *out = calloc(1, sizeof *f);
  if (!f) return err_set(e, ERR_RUN, "%s: no memory", path);
  *f = (wfdb_flac){FLAC__stream_decoder_new(), strdup(path), channels, bits, -1};
  if (!f->d || !f->path)
    err_set(e, ERR_RUN, "%s: no memory", path);
  else if (FLAC__stream_decoder_init_file(f->d, path, block, description, damage, f))
    err_set(e, ERR_FILE, "cannot read %s as FLAC", path);
  else if (!FLAC__stream_decoder_process_until_end_of_metadata(f->d) || !f->told || f->wrong)
    fault(f, "no such stream", e);
  *samples = f->total;
  if (!e->code) return 0;
  wfdb_flac_close(f);
  *out = NULL;
  return e->code;
}

/* Decodes on until a block has come. */
static void next_block(wfdb_flac *f) {
  while (!f->samples && !f->wrong && !f->memory)
    if (FLAC__stream_decoder_get_state(f->d) >= FLAC__STREAM_DECODER_END_OF_STREAM ||
        !FLAC__stream_decoder_process_single(f->d))
      return;
}

/* Brings a block that holds sample s. */
static int bring(wfdb_flac *f, int64_t s, err *e) {
  bool next = s == f->first + f->samples;
  f->samples = 0;
  if (next)
    next_block(f);
  else if (!FLAC__stream_decoder_seek_absolute(f->d, (FLAC__uint64)s))
    f->samples = 0, FLAC__stream_decoder_flush(f->d);
  if (f->wrong || f->memory || s < f->first || s >= f->first + f->samples)
    return fault(f, "the stream is damaged or ends early", e);
  return 0;
}

int wfdb_flac_read(wfdb_flac *f, int64_t first, long n, int32_t *x, err *e) {
  while (n > 0) {
    if ((first < f->first || first >= f->first + f->samples) && bring(f, first, e)) return e->code;
    long have = (long)(f->first + f->samples - first), some = have < n ? have : n;
    memcpy(x, f->x + (first - f->first) * f->channels, (size_t)some * (size_t)f->channels * sizeof *x);
    first += some, n -= some, x += some * f->channels;
  }
  return 0;
}

void wfdb_flac_close(wfdb_flac *f) {
  if (!f) return;
  if (f->d) FLAC__stream_decoder_delete(f->d);
  free(f->path), free(f->x);
  free(f);
}
