/* file.h: plain files: read whole, write so that a name always holds a complete file, make folders. Local. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* The whole file, a 0 behind its n bytes; caller frees. Failure: `code`, with path and reason. */
int file_read(const char *path, char **text, size_t *n, int code, err *e);

/* Replace PATH by n bytes: written to PATH.tmp, synced to disk if asked, renamed. On failure PATH stays as it was
 * (ERR_FILE). */
int file_write(const char *path, const void *p, size_t n, bool sync, err *e);

/* The same in two steps: the first fails early where nothing can be written; the second ends it either way. */
int file_begin(const char *path, int *fd, err *e);
int file_commit(const char *path, int fd, const void *p, size_t n, bool sync, err *e);
void file_abandon(const char *path, int fd);

/* PATH holds head and body, what it held before is called PREVIOUS from now on. Synced; a crash at any moment leaves a
 * complete file under one of the two names; where it cannot be written (ERR_FILE) both stay as they were. */
int file_rotate(const char *path, const char *previous, const void *head, size_t nhead, const void *body, size_t nbody,
                err *e);

/* Make a folder and its parents; *existed (may be NULL) tells whether it was there. ERR_FILE. */
int file_folder(const char *path, bool *existed, err *e);
bool file_exists(const char *path);

#endif
