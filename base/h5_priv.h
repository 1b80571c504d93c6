/* h5_priv.h: shared by h5.c, h5_write.c and h5_read.c only. */
#ifndef BASE_H5_PRIV_H
#define BASE_H5_PRIV_H

#include "base/h5.h"

struct h5 {
  hid_t id;
  int fd;     /* of PATH.tmp while writing, else -1 */
  char *path; /* "" for a scratch file */
};

/* "cannot <what> <object> in <file>: <HDF5's own reason>". Returns ERR_FILE. */
int h5_fail(const h5 *f, const char *what, const char *object, err *e);
hid_t h5_memory_type(h5_type t);

#endif
