/* h5.h: the only door to HDF5. Every dataset has `unit` and `description`; a file appears under its name only when it
 * is complete: it is built in memory, then written to NAME.tmp, synced and renamed, so that a full disk gives one clear
 * message and leaves the previous file. No object carries a time: equal contents are equal bytes. Rank 0 calls these;
 * local. HDF5's own error printing is off. Every function fails with ERR_FILE, naming file, object and reason. */
#ifndef BASE_H5_H
#define BASE_H5_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

typedef struct h5 h5;
typedef enum { H5_F64, H5_F32, H5_I64, H5_I32, H5_I8, H5_U8 } h5_type;

int h5_create(h5 **f, const char *path, err *e); /* opens PATH.tmp */
int h5_commit(h5 *f, err *e);                    /* flush, fsync, close, rename; frees f either way */
void h5_abandon(h5 *f);                          /* close and remove PATH.tmp; frees f; f may be NULL */
int h5_scratch(h5 **f, err *e);                  /* in memory only: h5_abandon frees it */
/* The bytes of a file that h5_create or h5_scratch began (caller frees), and a file to be read out of such bytes, which
 * are copied; `name` stands in messages. */
int h5_image(h5 *f, void **image, size_t *n, err *e);
int h5_open_image(h5 **f, const char *name, const void *image, size_t n, err *e);
int h5_copy(h5 *to, h5 *from, err *e);         /* every group of from's first level that `to` lacks */
int h5_open(h5 **f, const char *path, err *e); /* read only; ERR_FILE if absent, truncated or foreign */
void h5_close(h5 *f);                          /* f may be NULL */

/* Paths are absolute ("/results/lnZ.nis/value"); missing groups are made. rank 0 = scalar. unit and description
 * compulsory (description must not be empty; unit "1" for pure numbers). */
int h5_write(h5 *f, const char *path, h5_type t, int rank, const size_t *dims, const void *data, const char *unit,
             const char *description, err *e);
int h5_write_text(h5 *f, const char *path, const char *text, const char *description, err *e);
/* Attributes of an existing object, or of a group that is made. Writing again replaces. */
int h5_attr_text(h5 *f, const char *path, const char *name, const char *value, err *e);
int h5_attr_f64(h5 *f, const char *path, const char *name, double v, err *e);
int h5_attr_i64(h5 *f, const char *path, const char *name, long long v, err *e);
/* A link at `path` to an object of another file, named relative to the folder of this one; it need not exist yet. */
int h5_link(h5 *f, const char *path, const char *file, const char *object, err *e);

bool h5_has(h5 *f, const char *path);
int h5_dims(h5 *f, const char *path, int *rank, size_t dims[8], err *e);
int h5_read(h5 *f, const char *path, h5_type t, void *data, size_t count, err *e); /* count must match the dataset */
/* A block of a dataset: from[k] ... from[k]+count[k]-1 along axis k, into data (count[0], count[1], ...). */
int h5_read_part(h5 *f, const char *path, h5_type t, const size_t *from, const size_t *count, void *data, err *e);
int h5_read_text(h5 *f, const char *path, char **text, err *e);                    /* caller frees */
int h5_read_attr_text(h5 *f, const char *path, const char *name, char **text, err *e);
int h5_read_attr_f64(h5 *f, const char *path, const char *name, double *v, err *e);
int h5_read_attr_i64(h5 *f, const char *path, const char *name, long long *v, err *e);
bool h5_has_attr(h5 *f, const char *path, const char *name);
/* Compares an object and all below it bit for bit, attributes too; tells each difference: "/results/x/value" and what.
 * What neither file has is equal. */
int h5_compare(h5 *a, h5 *b, const char *path, void (*tell)(void *ctx, const char *object, const char *text), void *ctx,
               err *e);
/* Calls fn for each link of a group in name order; stops at nonzero. */
int h5_each(h5 *f, const char *group, int (*fn)(h5 *f, const char *name, void *ctx, err *e), void *ctx, err *e);

#endif
