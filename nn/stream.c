/* stream.c: see stream.h. */
#include "nn/stream.h"

#include <stdlib.h>

struct nn_stream {
  nn_plan *plan;
  nn_frame *f;
  bool steps;
};

int nn_stream_new(nn_stream **out, const nn_graph *g, int lanes, const nn_real *theta, const nn_real *state, err *e) {
  nn_stream *s = *out = NULL;
  if (nn_by_frames(g, e)) return e->code;
  err whole = {0};
  s = calloc(1, sizeof *s);
  if (!s) return err_set(e, ERR_RUN, "stream: out of memory");
  s->steps = !nn_plan_new(&s->plan, g, lanes, false, true, &whole);
  if (!s->steps) nn_plan_new(&s->plan, g, lanes, false, false, e);
  if (!e->code) nn_frame_new(&s->f, s->plan, NULL, e);
  if (e->code) {
    nn_stream_free(s);
    return e->code;
  }
  s->f->theta = theta, s->f->state = state, s->f->valid = lanes, s->f->whole = 1;
  *out = s;
  return 0;
}

void nn_stream_free(nn_stream *s) {
  if (!s) return;
  if (s->f) nn_frame_free(s->f, NULL);
  nn_plan_free(s->plan), free(s);
}

void nn_stream_begin(nn_stream *s) {
  s->f->carry = false;
}

nn_real *nn_stream_input(nn_stream *s, int k) {
  const nn_graph *g = s->plan->graph;
  for (int i = 0; i < g->nnodes; i++)
    if (!g->node[i].op && !k--) return s->f->value[i];
  return NULL;
}

const nn_real *nn_stream_push(nn_stream *s) {
  if (s->steps)
    nn_step(s->plan, s->f, 0);
  else
    nn_forward(s->plan, s->f);
  s->f->carry = true;
  return s->f->value[s->plan->graph->output];
}
