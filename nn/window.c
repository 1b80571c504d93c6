/* window.c: see window.h. */
#include "nn/window.h"

int nn_window_of(nn_window *w, const nn_window_conf *c, nn_shape in, err *e) {
  *w = (nn_window){.c = *c, .in = in, .out = in, .taps = 1};
  for (int d = 0; d < 3; d++) {
    int *const set[] = {&w->c.kernel[d], &w->c.stride[d], &w->c.dilation[d]};
    for (int i = 0; i < 3; i++) {
      if (!*set[i]) *set[i] = 1;
      if (*set[i] < 1) return err_set(e, ERR_RUN, "kernel, stride and dilation must be positive");
    }
    int span = w->c.dilation[d] * (w->c.kernel[d] - 1) + 1, room = in.extent[d] + c->before[d] + c->after[d];
    if (c->before[d] < 0 || c->after[d] < 0) return err_set(e, ERR_RUN, "padding must not be negative");
    if (room < span)
      return err_set(e, ERR_RUN, "a kernel of span %d does not fit on %d positions with padding (dimension %d)", span,
                     room, d + 1);
    w->out.extent[d] = (room - span) / w->c.stride[d] + 1;
    w->taps *= w->c.kernel[d];
  }
  return 0;
}

int nn_window_at(const nn_window *w, int t, int tap) {
  int at = 0, p[3], k[3];
  for (int d = 2; d >= 0; d--) {
    p[d] = t % w->out.extent[d], t /= w->out.extent[d];
    k[d] = tap % w->c.kernel[d], tap /= w->c.kernel[d];
  }
  for (int d = 0; d < 3; d++) {
    int n = w->in.extent[d], x = p[d] * w->c.stride[d] + k[d] * w->c.dilation[d] - w->c.before[d];
    if (w->c.periodic) x = (x % n + n) % n;
    if (x < 0 || x >= n) return -1;
    at = at * n + x;
  }
  return at;
}

void nn_window_text(const nn_window_conf *c, FILE *f) {
  const char *const name[] = {"kernel", "stride", "dilation", "before", "after"};
  const int *const v[] = {c->kernel, c->stride, c->dilation, c->before, c->after};
  for (int i = 0; i < 5; i++) fprintf(f, "%s %d,%d,%d ", name[i], v[i][0], v[i][1], v[i][2]);
  fprintf(f, "periodic %d", c->periodic);
}

nn_window_conf nn_window_same(int dims, int kernel, int dilation, bool periodic) {
  nn_window_conf c = {.periodic = periodic};
  for (int d = 0; d < dims; d++) {
    c.kernel[d] = kernel, c.dilation[d] = dilation;
    c.before[d] = (kernel - 1) / 2 * dilation;
    c.after[d] = (kernel - 1) * dilation - c.before[d];
  }
  return c;
}

nn_window_conf nn_window_causal(int kernel, int dilation) {
  return (nn_window_conf){.kernel = {kernel}, .dilation = {dilation}, .before = {(kernel - 1) * dilation}};
}
