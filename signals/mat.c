/* mat.c: mat_matches, mat_parse, mat_read, mat_free, mat_find. Source: MathWorks, "MAT-File Format", level 5.
 *
 * An element is a tag (type, bytes), in its short form with up to four bytes inside the tag, and data padded to 8
 * bytes. A matrix is the elements flags, dimensions, name, real part. */
#include "signals/mat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "signals/eit_read.h"

enum { HEADER = 128, MI_MATRIX = 14, MI_COMPRESSED = 15, ROOM = 1 << 30 };

typedef struct part {
  unsigned type;
  const unsigned char *data;
  size_t n;
} part;

typedef struct scan {
  const char *name;
  mat *m;
  size_t inflated; /* so far */
  err *e;
} scan;

#define FAIL(s, ...) err_set((s)->e, ERR_FILE, __VA_ARGS__)

bool mat_matches(const unsigned char *bytes, size_t n) {
  return n >= HEADER && !memcmp(bytes, "MATLAB 5.0", 10);
}

void mat_free(mat *m) {
  for (int i = 0; m && i < m->n; i++) free(m->array[i].x);
  if (m) free(m->array);
  free(m);
}

const mat_array *mat_find(const mat *m, const char *name) {
  for (int i = 0; i < m->n; i++)
    if (!strcmp(m->array[i].name, name)) return m->array + i;
  return NULL;
}

/* The element at *at, which moves behind it. */
static int next(scan *s, const unsigned char **at, const unsigned char *end, part *p) {
  size_t left = (size_t)(end - *at), skip;
  if (left < 8) return FAIL(s, "%s: truncated: a tag is missing", s->name);
  unsigned first = eit_uint(*at);
  if (first >> 16) {
    *p = (part){first & 0xffff, *at + 4, first >> 16};
    skip = 8;
    if (p->n > 4) return FAIL(s, "%s: a short element of %zu bytes", s->name, p->n);
  } else {
    *p = (part){first, *at + 8, eit_uint(*at + 4)};
    if (p->n > left - 8)
      return FAIL(s, "%s: truncated: an element of %zu bytes, %zu are left", s->name, p->n, left - 8);
    skip = p->type == MI_COMPRESSED ? 8 + p->n : 8 + (p->n + 7) / 8 * 8;
    if (skip > left) skip = left;
  }
  *at += skip;
  return 0;
}

static int size_of(unsigned type) {
  static const int size[14] = {0, 1, 1, 2, 2, 4, 4, 4, 0, 8, 0, 0, 8, 8};
  return type < 14 ? size[type] : 0;
}

static double number(unsigned type, const unsigned char *p) {
  unsigned u = size_of(type) == 1 ? *p : size_of(type) == 2 ? p[0] | (unsigned)p[1] << 8 : eit_uint(p);
  unsigned long long w = size_of(type) == 8 ? (unsigned long long)eit_uint(p + 4) << 32 | u : u;
  switch (type) {
    case 1:
      return (signed char)u;
    case 3:
      return (short)u;
    case 5:
      return (int)u;
    case 7:
      return (double)eit_float(p);
    case 9:
      return eit_double(p);
    case 12:
      return (double)(long long)w;
    default:
      return (double)w;
  }
}

static int append(scan *s, const part *name, int rows, int cols, const part *real) {
  size_t count = (size_t)rows * (size_t)cols, length = name->n < 63 ? name->n : 63;
  int size = size_of(real->type);
  if (!size || real->n / (size_t)size < count)
    return FAIL(s, "%s: truncated: an array of %d x %d has %zu bytes of type %u", s->name, rows, cols, real->n,
                real->type);
  mat_array *more = realloc(s->m->array, (size_t)(s->m->n + 1) * sizeof *more);
  double *x = more ? malloc((count + 1) * sizeof *x) : NULL;
  if (more) s->m->array = more;
  if (!x) return FAIL(s, "%s: no memory for an array of %d x %d", s->name, rows, cols);
  mat_array *a = s->m->array + s->m->n++;
  *a = (mat_array){.rows = rows, .cols = cols, .x = x};
  memcpy(a->name, name->data, length);
  for (size_t i = 0; i < count; i++) x[i] = number(real->type, real->data + i * (size_t)size);
  return 0;
}

static int matrix(scan *s, const unsigned char *at, size_t n) {
  const unsigned char *end = at + n;
  part flags = {0}, dims = {0}, name = {0}, real = {0};
  if (n == 0) return 0;
  if (next(s, &at, end, &flags)) return s->e->code;
  if (flags.n < 8) return FAIL(s, "%s: the flags of an array are truncated", s->name);
  unsigned kind = flags.data[0], is_complex = flags.data[1] & 8;
  if (kind < 6 || kind > 15 || is_complex) return 0; /* no plain numbers */
  if (next(s, &at, end, &dims) || next(s, &at, end, &name)) return s->e->code;
  if (dims.n < 8 || dims.n % 4 || dims.type != 5) return FAIL(s, "%s: the dimensions of an array are damaged", s->name);
  double rows = eit_uint(dims.data), cols = 1;
  for (size_t i = 4; i < dims.n; i += 4) cols *= eit_uint(dims.data + i);
  if (rows * cols > ROOM / 8 || rows > 1e9 || cols > 1e9)
    return FAIL(s, "%s: an array of %g x %g numbers is too large", s->name, rows, cols);
  if (rows * cols == 0) return 0;
  if (next(s, &at, end, &real)) return s->e->code;
  return append(s, &name, (int)rows, (int)cols, &real);
}

static int elements(scan *s, const unsigned char *at, size_t n, int depth);

/* Inflates into a buffer that grows as needed, so that a bomb stops early. */
static int inflated(scan *s, const part *p) {
  size_t room = 4 * p->n + 1024, have = 0;
  unsigned char *out = NULL;
  z_stream z = {.next_in = (Bytef *)p->data, .avail_in = (uInt)p->n};
  if (inflateInit(&z) != Z_OK) return FAIL(s, "%s: no memory for zlib", s->name);
  int rc = Z_OK;
  while (rc == Z_OK && !s->e->code) {
    unsigned char *more = s->inflated + room <= ROOM ? realloc(out, room) : NULL;
    if (!more) {
      FAIL(s, "%s: an array inflates to more than %zu bytes", s->name, s->inflated + room);
      break;
    }
    out = more;
    z.next_out = out + have, z.avail_out = (uInt)(room - have);
    rc = inflate(&z, Z_NO_FLUSH);
    have = room - z.avail_out;
    if (rc == Z_OK && z.avail_out) rc = Z_BUF_ERROR; /* no more input */
    room *= 2;
  }
  inflateEnd(&z);
  s->inflated += have;
  if (!s->e->code && rc != Z_STREAM_END) FAIL(s, "%s: a deflated array is damaged or truncated", s->name);
  if (!s->e->code) elements(s, out, have, 1);
  free(out);
  return s->e->code;
}

static int elements(scan *s, const unsigned char *at, size_t n, int depth) {
  const unsigned char *end = at + n;
  part p = {0};
  while (at < end && !s->e->code) {
    if (next(s, &at, end, &p)) break;
    if (p.type == MI_MATRIX) matrix(s, p.data, p.n);
    if (p.type == MI_COMPRESSED && depth == 0) inflated(s, &p);
  }
  return s->e->code;
}

int mat_parse(mat **m, const char *name, const unsigned char *bytes, size_t n, err *e) {
  *m = NULL;
  if (!mat_matches(bytes, n)) return err_set(e, ERR_FILE, "%s: no MAT-5 file", name);
  if (bytes[126] != 'I' || bytes[127] != 'M') return err_set(e, ERR_FILE, "%s: a big-endian MAT file", name);
  mat *out = calloc(1, sizeof *out);
  if (!out) return err_set(e, ERR_FILE, "%s: no memory", name);
  scan s = {name, out, 0, e};
  if (elements(&s, bytes + HEADER, n - HEADER, 0))
    mat_free(out);
  else
    *m = out;
  return e->code;
}

int mat_read(mat **m, const char *path, err *e) {
  char *text;
  size_t n;
  *m = NULL;
  if (file_read(path, &text, &n, ERR_FILE, e)) return e->code;
  int rc = mat_parse(m, path, (unsigned char *)text, n, e);
  free(text);
  return rc;
}
