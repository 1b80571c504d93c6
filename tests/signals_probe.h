/* signals_probe.h: opens a file of unknown soundness, reads all that it offers (at most PROBE_SAMPLES of each lead),
 * and demands what every reader promises: either an open recording and no message, or none and one message with a code.
 * For the test of damaged files and the fuzz targets. */
#ifndef TESTS_SIGNALS_PROBE_H
#define TESTS_SIGNALS_PROBE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signals/ptbxl.h"
#include "signals/recording.h"
#include "signals/wfdb.h"

enum { PROBE_SAMPLES = 20000, PROBE_LEADS = 40 };

static inline void probe_demand(int ok, const char *what, const err *e) {
  if (ok) return;
  fprintf(stderr, "signals_probe: %s (code %d: %.300s)\n", what, e->code, e->text);
  abort();
}

static inline void probe_outcome(int rc, const void *object, const err *e) {
  probe_demand(rc == e->code && (rc == 0) == (object != NULL), "code and object disagree", e);
  probe_demand((rc == 0) == (e->text[0] == 0), "code and message disagree", e);
  probe_demand(rc == 0 || rc == ERR_FILE || rc == ERR_RUN, "a code of others", e);
  probe_demand(!strchr(e->text, '\n') || strlen(e->text) < 16000, "more than one message", e);
}

static inline void probe_lead(recording *r, int lead) {
  static double x[4096];
  const signals_lead *l = &r->lead[lead];
  int64_t end = l->samples < PROBE_SAMPLES ? l->samples : PROBE_SAMPLES;
  err none = {0};
  probe_demand(l->name && l->unit && l->rate > 0 && isfinite(l->rate) && l->samples >= 0, "a lead without rate", &none);
  for (int64_t at = 0, n; at < end; at += n) {
    err e = {0};
    n = end - at < 777 ? end - at : 777;
    int rc = recording_read(r, lead, at, (long)n, x, &e);
    probe_demand(rc == e.code && (rc == 0) == (e.text[0] == 0), "code and message disagree", &e);
  }
  if (l->samples > 3) {
    err e = {0};
    recording_read(r, lead, l->samples - 3, 3, x, &e);
  }
}

/* Returns 1 where the file was accepted. */
static inline int probe_recording(const char *path) {
  recording *r = NULL;
  err e = {0};
  int rc = recording_open(&r, path, NULL, &e);
  probe_outcome(rc, r, &e);
  for (int k = 0; r && k < r->leads && k < PROBE_LEADS; k++) probe_lead(r, k);
  for (long i = 1; r && i < r->notes; i++)
    probe_demand(!(r->note[i].time < r->note[i - 1].time), "notes out of order", &e);
  int accepted = r != NULL;
  recording_close(r);
  if (strlen(path) > 4 && !strcmp(path + strlen(path) - 4, ".hea")) {
    wfdb *w = NULL;
    err f = {0};
    rc = wfdb_open(&w, path, &f);
    probe_outcome(rc, w, &f);
    if (w && wfdb_head(w)->frames < 10 * PROBE_SAMPLES) wfdb_verify(w, &f);
    wfdb_close(w);
  }
  return accepted;
}

static inline int probe_ptbxl(const char *folder) {
  ptbxl *p = NULL;
  err e = {0};
  int rc = ptbxl_open(&p, folder, &e);
  probe_outcome(rc, p, &e);
  for (int t = 0; p && ptbxl_tasks[t]; t++) {
    ptbxl_labels *l = NULL;
    err f = {0};
    rc = ptbxl_labels_new(&l, p, ptbxl_tasks[t], &f);
    probe_outcome(rc, l, &f);
    ptbxl_labels_free(l);
  }
  ptbxl_close(p);
  return p != NULL;
}

#endif
