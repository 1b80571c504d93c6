/* run_past.h: a run of some time ago, looked at again: its file and the deck it used. Local. */
#ifndef BASE_RUN_PAST_H
#define BASE_RUN_PAST_H

#include <limits.h>

#include "base/run.h"

/* `path` is a run.h5 or the folder of a run. */
void run_past_file(const char *path, char file[PATH_MAX]);
/* ERR_FILE: unreadable, or not written by spinet. Caller closes. */
int run_past_h5(h5 **f, const char *path, err *e);

typedef struct run_past {
  char file[PATH_MAX];
  h5 *f;
  deck *deck; /* as used.yaml: with the app's sections and section `run` */
  deck_section *schema;
} run_past;
/* ERR_FILE also where it is a run of another app, or of another version whose deck cannot be read any more. Close
 * either way. */
int run_past_open(run_past *p, const char *path, const app *a, err *e);
void run_past_close(run_past *p);

#endif
