/* csv.h: rows of separated values, streaming: cells in double quotes may hold separators, line ends and doubled quotes
 * (RFC 4180). Local; ERR_FILE with file, line and reason. */
#ifndef SIGNALS_CSV_H
#define SIGNALS_CSV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

typedef struct csv csv;
/* separator 0: the most frequent of , ; and tab in the first line that is no comment. Lines that begin with # are
 * comments where `comments`, and are handed to no one but csv_comment. */
int csv_open(csv **c, const char *path, char separator, bool comments, err *e);
void csv_close(csv *c); /* c may be NULL */
/* The next row that is not blank: n cells, valid until the next call; *n = 0 at the end. */
int csv_row(csv *c, char ***cell, int *n, err *e);
/* Line on which the last row began, for messages; position where the next row begins, and going there. */
long csv_line(const csv *c);
int64_t csv_tell(const csv *c);
int csv_seek(csv *c, int64_t at, long line, err *e);
const char *csv_comment(const csv *c); /* the comments seen so far, each ended by a newline, without '#' */
/* A cell as a number: blank and "nan" (any case), "NA" are NaN. False if it is something else. */
bool csv_number(const char *cell, double *v);

#endif
