/* err.h: one error state per run. A function that can fail returns 0 or one of the codes below and fills *e with one
 * sentence that names file, line or key, value and reason. Nobody below main.c prints an error or exits. Local. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum { /* exit codes of the programs */
  ERR_OK = 0,
  ERR_RUN = 1,   /* failed while running */
  ERR_DECK = 2,  /* deck or usage */
  ERR_FILE = 3,  /* a file could not be read or written */
  ERR_AGAIN = 75 /* stopped early with a valid checkpoint: resubmit */
};

typedef struct err {
  int code;         /* 0 or the first code set */
  char text[16384]; /* message; several deck faults stand on several lines */
} err;

/* Set the message if none is set yet (the first cause wins). Returns code, so `return err_set(e, ERR_FILE, ...)`. */
int err_set(err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Append a line to the message (used by the deck reader, which reports all faults at once). Returns code. */
int err_line(err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Put "prefix: " before the message and return its code: the chain from cause to caller. */
int err_context(err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
