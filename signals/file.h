/* file.h: bytes of a data file by position, for the readers. Local. ERR_FILE: path and reason. */
#ifndef SIGNALS_FILE_H
#define SIGNALS_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct signals_file {
  int fd; /* -1: closed */
  int64_t size;
  char *path;
} signals_file;

int signals_file_open(signals_file *f, const char *path, err *e);
/* Exactly n bytes from position `at`; fewer are an error. */
int signals_file_read(const signals_file *f, int64_t at, size_t n, void *p, err *e);
void signals_file_close(signals_file *f); /* a closed one may be closed again */

/* "folder of path" / name; NULL without memory. Caller frees. */
char *signals_beside(const char *path, const char *name);
/* Does path end in .ext (any case)? */
int signals_has_extension(const char *path, const char *ext);

#endif
