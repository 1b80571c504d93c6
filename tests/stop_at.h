/* stop_at.h: a run is told to stop at a chosen tick. The ranks speak to each other every 50 ms, by which time a short
 * run may be over: here they do at that tick. Linked with --wrap=run_tick. */
#ifndef TESTS_STOP_AT_H
#define TESTS_STOP_AT_H

#include <signal.h>
#include <string.h>

#include "base/run_priv.h"

static struct {
  const char *phase; /* begins with; NULL: no signal */
  long done;
} stop_at;

bool __real_run_tick(run *r, const char *phase, long done, long total, const char *note);
bool __wrap_run_tick(run *r, const char *phase, long done, long total, const char *note);
bool __wrap_run_tick(run *r, const char *phase, long done, long total, const char *note) {
  if (stop_at.phase && !strncmp(phase, stop_at.phase, strlen(stop_at.phase)) && done >= stop_at.done) {
    stop_at.phase = NULL;
    raise(SIGUSR1);
    r->pace.left = 0;
  }
  return __real_run_tick(r, phase, done, total, note);
}

#endif
