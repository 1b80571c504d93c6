/* err.c: err_set, err_line, err_context. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(err *e, int code, const char *fmt, ...) {
  if (e->code) return e->code;
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(e->text, sizeof e->text, fmt, ap);
  va_end(ap);
  return e->code = code;
}

int err_line(err *e, int code, const char *fmt, ...) {
  size_t n = e->code ? strlen(e->text) : 0;
  if (n && n + 1 < sizeof e->text) e->text[n++] = '\n';
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(e->text + n, sizeof e->text - n, fmt, ap);
  va_end(ap);
  if (!e->code) e->code = code;
  return e->code;
}

int err_context(err *e, const char *fmt, ...) {
  char head[1024];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(head, sizeof head - 2, fmt, ap);
  va_end(ap);
  strcat(head, ": ");
  size_t n = strlen(head), m = strlen(e->text), room = sizeof e->text - 1;
  if (n + m > room) m = room - n;
  memmove(e->text + n, e->text, m);
  memcpy(e->text, head, n);
  e->text[n + m] = 0;
  return e->code;
}
