/* eit_mesh_read.c: eit_mesh_read, eit_mesh_parse: files of Gmsh, formats 2.2 and 4.1, ASCII and binary.
 * Source: the section "Gmsh file formats" of the Gmsh reference manual. */
#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "signals/eit_mesh.h"

typedef struct physical { /* a physical group */
  int dim, tag;
  bool electrode; /* by name */
} physical;

typedef struct entity { /* of format 4.1: its physical group */
  int dim, tag, physical;
} entity;

typedef struct cell {
  int kind, physical, node[6]; /* kind: row of kinds; node: tags, later numbers from 0 */
} cell;

enum { LINE2 = 1, TRI3 = 2, TET4 = 4, LINE3 = 8, TRI6 = 9 };
static const struct {
  int type, dim, order, nodes;
} kinds[] = {{LINE2, 1, 1, 2}, {TRI3, 2, 1, 3}, {TET4, 3, 1, 4}, {LINE3, 1, 2, 3}, {TRI6, 2, 2, 6}};
enum { KINDS = sizeof kinds / sizeof *kinds };
/* Nodes of the types 1, 2, ...: those of elements that are passed over in binary files. */
static const int nodes_of[] = {2, 3, 4, 4, 8, 6, 5, 3, 6, 9, 10, 27, 18, 14, 1, 8, 20, 15, 13};
enum { TYPES = sizeof nodes_of / sizeof *nodes_of };

typedef struct reader {
  const char *name, *at, *end;
  int line;
  err *e;
  int version;      /* 2 or 4 */
  bool binary, raw; /* the file; what comes next: 4-byte integers, 8-byte counts and tags (4.1), doubles */
  int ngroups, nentities, nnodes, ncells;
  physical *group;
  entity *entity;
  int *tag;  /* (nnodes) */
  double *x; /* (nnodes, 3) */
  cell *cell;
} reader;

#define FAIL(r, ...) err_set((r)->e, ERR_FILE, __VA_ARGS__)

static void blanks(reader *r) {
  while (r->at < r->end && isspace((unsigned char)*r->at)) r->line += *r->at++ == '\n';
}

static void next_line(reader *r) {
  while (r->at < r->end && *r->at != '\n') r->at++;
}

static bool word(reader *r, const char *w) {
  size_t n = strlen(w);
  blanks(r);
  if ((size_t)(r->end - r->at) < n || memcmp(r->at, w, n) || isgraph((unsigned char)r->at[n])) return false;
  r->at += n;
  return true;
}

static int bytes(reader *r, void *to, size_t n, const char *what) {
  if ((size_t)(r->end - r->at) < n) return FAIL(r, "%s:%d: the file ends before %s", r->name, r->line, what);
  memcpy(to, r->at, n);
  r->at += n;
  return 0;
}

static int real(reader *r, double *x) {
  char *end;
  if (r->raw) {
    if (bytes(r, x, sizeof *x, "a number")) return r->e->code;
  } else {
    blanks(r);
    *x = strtod(r->at, &end);
    if (end == r->at || end > r->end) *x = INFINITY;
    if (end <= r->end) r->at = end;
  }
  if (!(*x > -1e300 && *x < 1e300)) return FAIL(r, "%s:%d: a number is missing or not finite", r->name, r->line);
  return 0;
}

/* An integer; size: its bytes where the file is binary, 4 or 8. */
static int integer(reader *r, size_t size, int least, int most, const char *what, int *x) {
  long long v = 0;
  if (r->raw) {
    int small = 0;
    if (bytes(r, size == 8 ? (void *)&v : &small, size, what)) return r->e->code;
    if (size == 4) v = small;
  } else {
    char *end;
    blanks(r);
    v = strtol(r->at, &end, 10);
    if (end == r->at || end > r->end) return FAIL(r, "%s:%d: %s is missing", r->name, r->line, what);
    r->at = end;
  }
  if (v < least || v > most)
    return FAIL(r, "%s:%d: %s = %lld: must be %d to %d", r->name, r->line, what, v, least, most);
  *x = (int)v;
  return 0;
}
static int whole(reader *r, int least, int most, const char *what, int *x) {
  return integer(r, 4, least, most, what, x);
}
static int large(reader *r, int least, int most, const char *what, int *x) {
  return integer(r, r->version == 4 ? 8 : 4, least, most, what, x);
}

/* What follows, behind the end of the line, is binary if the file is. */
static void data(reader *r) {
  if (!r->binary) return;
  next_line(r);
  if (r->at < r->end) r->at++, r->line++;
  r->raw = true;
}

/* A count of things that take at least two bytes each of what is left. */
static int count(reader *r, const char *what, int *n) {
  long left = (r->end - r->at) / 2 + 1;
  return large(r, 0, left < 100000000 ? (int)left : 100000000, what, n);
}

static int section_end(reader *r, const char *w) {
  r->raw = false;
  return word(r, w) ? 0 : FAIL(r, "%s:%d: %s is missing", r->name, r->line, w);
}

static int format(reader *r) {
  double v;
  int binary, size, one = 1;
  if (real(r, &v) || whole(r, 0, 1, "file type", &binary) || whole(r, 1, 64, "data size", &size)) return r->e->code;
  if (v != 2.2 && v != 4.1) return FAIL(r, "%s:%d: version %g: only 2.2 and 4.1 are read", r->name, r->line, v);
  if (binary && size != 8) return FAIL(r, "%s:%d: data size %d: binary files of 8 are read", r->name, r->line, size);
  r->version = (int)v, r->binary = binary;
  data(r);
  if (binary && (bytes(r, &one, sizeof one, "its mark of byte order") || one != 1))
    return r->e->code ? r->e->code : FAIL(r, "%s:%d: binary of another byte order", r->name, r->line);
  return section_end(r, "$EndMeshFormat");
}

static int groups(reader *r) {
  if (count(r, "number of physical names", &r->ngroups)) return r->e->code;
  r->group = calloc((size_t)r->ngroups + 1, sizeof *r->group);
  if (!r->group) return FAIL(r, "%s: no memory", r->name);
  for (int i = 0; i < r->ngroups; i++) {
    physical *g = r->group + i;
    if (whole(r, 0, 3, "dimension", &g->dim) || whole(r, 1, 1 << 30, "physical tag", &g->tag)) return r->e->code;
    blanks(r);
    g->electrode = r->end - r->at > 10 && !strncasecmp(r->at, "\"electrode", 10);
    next_line(r);
  }
  return section_end(r, "$EndPhysicalNames");
}

/* One entity of format 4.1: tag, box or point, physical tags, bounding entities. */
static int one_entity(reader *r, int dim, entity *t) {
  double box;
  int n, other;
  *t = (entity){dim, 0, 0};
  if (whole(r, -(1 << 30), 1 << 30, "entity tag", &t->tag)) return r->e->code;
  for (int k = 0; k < (dim ? 6 : 3); k++)
    if (real(r, &box)) return r->e->code;
  if (count(r, "number of physical tags", &n)) return r->e->code;
  for (int k = 0; k < n; k++)
    if (whole(r, -(1 << 30), 1 << 30, "physical tag", k ? &other : &t->physical)) return r->e->code;
  if (!dim) return 0;
  if (count(r, "number of bounding entities", &n)) return r->e->code;
  for (int k = 0; k < n; k++)
    if (whole(r, -(1 << 30), 1 << 30, "entity tag", &other)) return r->e->code;
  return 0;
}

static int entities(reader *r) {
  int n[4];
  long total = 0;
  data(r);
  for (int dim = 0; dim < 4; dim++) {
    if (count(r, "number of entities", &n[dim])) return r->e->code;
    total += n[dim];
  }
  if (total > r->end - r->at) return FAIL(r, "%s:%d: the file is too short for %ld entities", r->name, r->line, total);
  r->entity = calloc((size_t)total + 1, sizeof *r->entity);
  if (!r->entity) return FAIL(r, "%s: no memory", r->name);
  for (int dim = 0; dim < 4; dim++)
    for (int i = 0; i < n[dim]; i++)
      if (one_entity(r, dim, r->entity + r->nentities++)) return r->e->code;
  return section_end(r, "$EndEntities");
}

static int nodes_room(reader *r) {
  if (r->tag) return FAIL(r, "%s:%d: a second section of nodes", r->name, r->line);
  r->tag = calloc((size_t)r->nnodes + 1, sizeof *r->tag);
  r->x = calloc((size_t)r->nnodes + 1, 3 * sizeof *r->x);
  return r->tag && r->x ? 0 : FAIL(r, "%s: no memory for %d nodes", r->name, r->nnodes);
}

static int coordinates(reader *r, double *x) {
  return real(r, x) || real(r, x + 1) || real(r, x + 2) ? r->e->code : 0;
}

static int nodes2(reader *r) {
  if (count(r, "number of nodes", &r->nnodes) || nodes_room(r)) return r->e->code;
  data(r);
  for (int i = 0; i < r->nnodes; i++)
    if (whole(r, 1, 1 << 30, "node tag", r->tag + i) || coordinates(r, r->x + 3 * (long)i)) return r->e->code;
  return section_end(r, "$EndNodes");
}

static int nodes4(reader *r) {
  int blocks, most, least, n, done = 0, skip;
  data(r);
  if (count(r, "number of blocks", &blocks) || count(r, "number of nodes", &r->nnodes) ||
      large(r, 0, 1 << 30, "smallest tag", &least) || large(r, 0, 1 << 30, "largest tag", &most) || nodes_room(r))
    return r->e->code;
  for (int b = 0; b < blocks; b++) {
    int parametric;
    if (whole(r, 0, 3, "dimension", &skip) || whole(r, -(1 << 30), 1 << 30, "entity tag", &skip) ||
        whole(r, 0, 1, "parametric flag", &parametric) || large(r, 0, r->nnodes - done, "nodes in the block", &n))
      return r->e->code;
    if (parametric) return FAIL(r, "%s:%d: parametric nodes are not read", r->name, r->line);
    for (int i = 0; i < n; i++)
      if (large(r, 1, 1 << 30, "node tag", r->tag + done + i)) return r->e->code;
    for (int i = 0; i < n; i++)
      if (coordinates(r, r->x + 3 * (long)(done + i))) return r->e->code;
    done += n;
  }
  if (done != r->nnodes) return FAIL(r, "%s:%d: %d nodes of %d", r->name, r->line, done, r->nnodes);
  return section_end(r, "$EndNodes");
}

static int kind_of(int type) {
  for (int k = 0; k < KINDS; k++)
    if (kinds[k].type == type) return k;
  return -1;
}

static int cells_room(reader *r, int n) {
  if (r->cell) return FAIL(r, "%s:%d: a second section of elements", r->name, r->line);
  r->cell = calloc((size_t)n + 1, sizeof *r->cell);
  return r->cell ? 0 : FAIL(r, "%s: no memory for %d elements", r->name, n);
}

/* The node tags of one element of known kind. */
static int one_cell(reader *r, int kind, int group) {
  cell *c = r->cell + r->ncells;
  *c = (cell){kind, group, {0}};
  for (int i = 0; i < kinds[kind].nodes; i++)
    if (large(r, 1, 1 << 30, "node tag", c->node + i)) return r->e->code;
  r->ncells++;
  return 0;
}

/* An element of a type that nobody here needs, behind its tags. */
static int pass_over(reader *r, int type) {
  char other[27 * 8];
  if (!r->raw) return next_line(r), 0;
  if (type > TYPES) return FAIL(r, "%s:%d: elements of type %d are not read", r->name, r->line, type);
  return bytes(r, other, (size_t)nodes_of[type - 1] * (r->version == 4 ? 8 : 4), "the nodes of an element");
}

/* Format 2.2: in binary files `run` elements follow one head of type and number of tags. */
static int cells2(reader *r) {
  int n, tag, type = 0, ntags = 0, run = 0;
  if (count(r, "number of elements", &n) || cells_room(r, n)) return r->e->code;
  data(r);
  for (int i = 0; i < n; i++, run--) {
    int group = 0, other;
    bool head = r->raw && run == 0;
    if (!r->raw && whole(r, 1, 1 << 30, "element tag", &tag)) return r->e->code;
    if ((!r->raw || head) && whole(r, 1, 200, "element type", &type)) return r->e->code;
    if (head && whole(r, 1, n - i, "elements in a row", &run)) return r->e->code;
    if ((!r->raw || head) && whole(r, 0, 1000, "number of tags", &ntags)) return r->e->code;
    if (r->raw && whole(r, 1, 1 << 30, "element tag", &tag)) return r->e->code;
    for (int k = 0; k < ntags; k++)
      if (whole(r, -(1 << 30), 1 << 30, "tag", k ? &other : &group)) return r->e->code;
    int kind = kind_of(type);
    if (kind < 0 ? pass_over(r, type) : one_cell(r, kind, group)) return r->e->code;
  }
  return section_end(r, "$EndElements");
}

static int group_of(const reader *r, int dim, int tag) {
  for (int i = 0; i < r->nentities; i++)
    if (r->entity[i].dim == dim && r->entity[i].tag == tag) return r->entity[i].physical;
  return 0;
}

static int cells4(reader *r) {
  int blocks, n, least, most, done = 0;
  data(r);
  if (count(r, "number of blocks", &blocks) || count(r, "number of elements", &n) ||
      large(r, 0, 1 << 30, "smallest tag", &least) || large(r, 0, 1 << 30, "largest tag", &most) || cells_room(r, n))
    return r->e->code;
  for (int b = 0; b < blocks; b++) {
    int dim, tag, type, k, skip;
    if (whole(r, 0, 3, "dimension", &dim) || whole(r, -(1 << 30), 1 << 30, "entity tag", &tag) ||
        whole(r, 1, 200, "element type", &type) || large(r, 0, n - done, "elements in the block", &k))
      return r->e->code;
    int kind = kind_of(type), group = group_of(r, dim, tag);
    done += k;
    for (int i = 0; i < k; i++) {
      if (large(r, 1, 1 << 30, "element tag", &skip)) return r->e->code;
      if (kind < 0 ? pass_over(r, type) : one_cell(r, kind, group)) return r->e->code;
    }
  }
  return section_end(r, "$EndElements");
}

static int sections(reader *r) {
  if (!word(r, "$MeshFormat")) return FAIL(r, "%s:%d: no Gmsh file: $MeshFormat is missing", r->name, r->line);
  if (format(r)) return r->e->code;
  for (;;) {
    blanks(r);
    int rc = 0;
    if (r->at >= r->end) break;
    if (word(r, "$PhysicalNames") && !r->group)
      rc = groups(r);
    else if (word(r, "$Entities") && !r->entity)
      rc = entities(r);
    else if (word(r, "$Nodes"))
      rc = r->version == 2 ? nodes2(r) : nodes4(r);
    else if (word(r, "$Elements"))
      rc = r->version == 2 ? cells2(r) : cells4(r);
    else
      next_line(r); /* of sections that nobody here needs */
    if (rc) return rc;
  }
  if (!r->nnodes || !r->ncells) return FAIL(r, "%s:%d: no nodes or no elements", r->name, r->line);
  return 0;
}

/* ---- from the file to the mesh ---- */

static int by_tag(const void *a, const void *b) {
  const int *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

/* Node tags of all cells to rows of x. */
static int resolve(reader *r) {
  int(*map)[2] = malloc(((size_t)r->nnodes + 1) * sizeof *map);
  if (!map) return FAIL(r, "%s: no memory", r->name);
  for (int i = 0; i < r->nnodes; i++) map[i][0] = r->tag[i], map[i][1] = i;
  qsort(map, (size_t)r->nnodes, sizeof *map, by_tag);
  for (int i = 1; i < r->nnodes; i++)
    if (map[i][0] == map[i - 1][0]) FAIL(r, "%s: node %d occurs twice", r->name, map[i][0]);
  for (int c = 0; c < r->ncells && !r->e->code; c++)
    for (int i = 0; i < kinds[r->cell[c].kind].nodes; i++) {
      int *v = r->cell[c].node + i, (*hit)[2] = bsearch(v, map, (size_t)r->nnodes, sizeof *map, by_tag);
      if (!hit) {
        FAIL(r, "%s: an element names node %d, which does not exist", r->name, *v);
        break;
      }
      *v = (*hit)[1];
    }
  free(map);
  return r->e->code;
}

/* Does a group of faces carry an electrode? */
static bool is_electrode(const reader *r, int dim, int group) {
  bool named = false, this = false;
  for (int i = 0; i < r->ngroups; i++)
    if (r->group[i].dim == dim && r->group[i].electrode) named = true, this |= r->group[i].tag == group;
  return group > 0 && (this || !named);
}

/* The tags of the electrodes in ascending order; caller frees. */
static int *electrodes(const reader *r, int dim, int *n) {
  int *tag = malloc(((size_t)r->ncells + 1) * sizeof *tag), k = 0;
  *n = 0;
  if (!tag) return NULL;
  for (int c = 0; c < r->ncells; c++)
    if (kinds[r->cell[c].kind].dim == dim && is_electrode(r, dim, r->cell[c].physical)) tag[k++] = r->cell[c].physical;
  qsort(tag, (size_t)k, sizeof *tag, by_tag);
  for (int i = 0; i < k; i++)
    if (!i || tag[i] != tag[i - 1]) tag[(*n)++] = tag[i];
  return tag;
}

/* Corners anticlockwise, or the tetrahedron of positive volume. */
static void orient(const reader *r, int dim, int *v) {
  double d[3][3], s;
  for (int i = 0; i < dim; i++)
    for (int k = 0; k < 3; k++) d[i][k] = r->x[3 * (long)v[i + 1] + k] - r->x[3 * (long)v[0] + k];
  s = d[0][0] * d[1][1] - d[0][1] * d[1][0];
  if (dim == 3)
    s = d[0][0] * (d[1][1] * d[2][2] - d[1][2] * d[2][1]) - d[0][1] * (d[1][0] * d[2][2] - d[1][2] * d[2][0]) +
        d[0][2] * (d[1][0] * d[2][1] - d[1][1] * d[2][0]);
  if (s >= 0) return;
  int t = v[1];
  v[1] = v[2], v[2] = t;
  if (dim == 2) t = v[3], v[3] = v[5], v[5] = t;
}

/* Fills m with the cells of its dimension and their faces; number[] maps rows of x to nodes of the mesh. */
static int fill(reader *r, eit_mesh *m, const int *number, const int *electrode) {
  int at = 0, face = 0;
  for (int c = 0; c < r->ncells; c++) {
    cell *q = r->cell + c;
    int kind = q->kind;
    if (kinds[kind].dim == m->dim) {
      orient(r, m->dim, q->node);
      for (int i = 0; i < m->elem_size; i++) m->elem[(long)at * m->elem_size + i] = number[q->node[i]];
      if (!(eit_mesh_measure(m, at) > 0)) return FAIL(r, "%s: element %d has no size", r->name, at + 1);
      m->region[at++] = q->physical;
    } else if (kinds[kind].dim == m->dim - 1 && is_electrode(r, m->dim - 1, q->physical)) {
      for (int i = 0; i < m->face_size; i++)
        if ((m->face[(long)face * m->face_size + i] = number[q->node[i]]) < 0)
          return FAIL(r, "%s: a face under an electrode does not belong to any element", r->name);
      const int *hit = bsearch(&q->physical, electrode, (size_t)m->nelectrodes, sizeof *electrode, by_tag);
      m->face_electrode[face++] = (int)(hit - electrode);
    }
  }
  return 0;
}

static int build(reader *r, eit_mesh **out) {
  int dim = 0, order = 0, nelems = 0, nfaces = 0, used = 0, ntags;
  for (int c = 0; c < r->ncells; c++)
    if (kinds[r->cell[c].kind].dim > dim) dim = kinds[r->cell[c].kind].dim;
  if (dim < 2) return FAIL(r, "%s: no triangles and no tetrahedra", r->name);
  int *number = malloc(((size_t)r->nnodes + 1) * sizeof *number), *tags = electrodes(r, dim - 1, &ntags);
  if (!number || !tags) FAIL(r, "%s: no memory", r->name);
  for (int i = 0; number && i < r->nnodes; i++) number[i] = -1;
  for (int c = 0; c < r->ncells && !r->e->code; c++) {
    int k = r->cell[c].kind, face = kinds[k].dim == dim - 1 && is_electrode(r, dim - 1, r->cell[c].physical);
    if (kinds[k].dim == dim) {
      if (order && kinds[k].order != order) FAIL(r, "%s: elements of degree 1 and 2 are mixed", r->name);
      order = kinds[k].order;
      for (int i = 0; i < kinds[k].nodes; i++)
        if (number[r->cell[c].node[i]] < 0) number[r->cell[c].node[i]] = used++;
      nelems++;
    } else if (face) {
      nfaces++;
    }
  }
  for (int c = 0; c < r->ncells && !r->e->code && dim == 2; c++)
    if (kinds[r->cell[c].kind].dim == 1 && kinds[r->cell[c].kind].order != order)
      FAIL(r, "%s: edges and triangles are of different degree", r->name);
  eit_mesh *m = r->e->code ? NULL : eit_mesh_room(dim, order, used, nelems, nfaces, ntags, r->e);
  for (int i = 0; m && i < r->nnodes; i++)
    for (int k = 0; number[i] >= 0 && k < dim; k++) m->x[(long)number[i] * dim + k] = r->x[3 * (long)i + k];
  if (m && !fill(r, m, number, tags))
    *out = m;
  else
    eit_mesh_free(m);
  free(number), free(tags);
  return r->e->code;
}

int eit_mesh_parse(eit_mesh **m, const char *name, const char *text, size_t n, err *e) {
  reader r = {.name = name, .at = text, .end = text + n, .line = 1, .e = e};
  *m = NULL;
  int rc = sections(&r);
  if (!rc) rc = resolve(&r);
  if (!rc) rc = build(&r, m);
  free(r.group), free(r.entity), free(r.tag), free(r.x), free(r.cell);
  return rc;
}

int eit_mesh_read(eit_mesh **m, const char *path, err *e) {
  char *text;
  size_t n;
  *m = NULL;
  if (file_read(path, &text, &n, ERR_FILE, e)) return e->code;
  int rc = eit_mesh_parse(m, path, text, n, e);
  free(text);
  return rc;
}
