/* eit_mesh_new.c: eit_mesh_new.
 *
 * Nodes (rho, phi) are mapped to rho r(phi) (cos phi, sin phi). A coarse mesh of equally spaced rings, whose outermost
 * has the ends and middles of electrodes, is refined by bisection of longest edges (Rivara, Int. J. Numer. Meth. Eng.
 * 20 (1984) 745) until no edge is longer than the size wanted at its place,
 *
 *   size(x) = min(h, h_edge + slope d^3/4 b^1/4),  d = |x - x_i| from the ends x_i of electrodes, b half an electrode,
 *
 * the best law for potentials that behave like d^1/2 (degree 1: the size goes with the second derivative to the power
 * -1/2).
 *
 * Middles of edges are averages of (rho, phi), so that refinement and degree 2 follow the outline. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "signals/eit_mesh.h"

#define TWO_PI 6.283185307179586

typedef struct node {
  double rho, phi, x, y; /* phi is NaN at the centre */
} node;

typedef struct draft { /* growing arrays; faces are boundary edges with an electrode, or -1 between electrodes */
  const eit_mesh_spec *s;
  int nnodes, nelems, nfaces, room_nodes, room_elems, room_faces;
  node *node;
  int (*elem)[6];
  int (*face)[4];   /* ends, middle, electrode */
  double (*tip)[2]; /* (2 nelectrodes): ends of electrodes */
  double *half;     /* (nelectrodes): half their lengths */
  bool full;        /* no memory */
} draft;

static void draft_free(draft *d) {
  free(d->node), free(d->elem), free(d->face), free(d->tip), free(d->half);
}

static void *grown(draft *d, void *p, int n, int *room, size_t size) {
  if (n < *room) return p;
  void *q = *room < 200000000 ? realloc(p, (size_t)(*room = 2 * *room + 64) * size) : NULL;
  if (!q) d->full = true;
  return q ? q : p;
}

static int add_node(draft *d, double rho, double phi) {
  d->node = grown(d, d->node, d->nnodes, &d->room_nodes, sizeof *d->node);
  if (d->full) return 0;
  double r = rho > 0 ? rho * eit_outline_radius(&d->s->outline, phi) : 0;
  d->node[d->nnodes] = (node){rho, phi, rho > 0 ? r * cos(phi) : 0, rho > 0 ? r * sin(phi) : 0};
  return d->nnodes++;
}

static void add_elem(draft *d, int a, int b, int c) {
  d->elem = grown(d, d->elem, d->nelems, &d->room_elems, sizeof *d->elem);
  if (d->full) return;
  int v[6] = {a, b, c, -1, -1, -1};
  memcpy(d->elem[d->nelems++], v, sizeof v);
}

static void add_face(draft *d, int a, int b, int electrode) {
  d->face = grown(d, d->face, d->nfaces, &d->room_faces, sizeof *d->face);
  if (d->full) return;
  int v[4] = {a, b, -1, electrode};
  memcpy(d->face[d->nfaces++], v, sizeof v);
}

static double distance(const draft *d, int a, int b) {
  return hypot(d->node[a].x - d->node[b].x, d->node[a].y - d->node[b].y);
}

/* ---- the coarse mesh ---- */

/* The outermost ring: arcs of electrodes and of gaps in turn, each an even number of steps of about h. */
static int boundary(draft *d, err *e) {
  const eit_mesh_spec *s = d->s;
  for (int arc = 0; arc < 2 * s->nelectrodes && !d->full; arc++) {
    const eit_electrode *l = s->electrode + arc / 2, *next = s->electrode + (arc / 2 + 1) % s->nelectrodes;
    int own = arc % 2 ? -1 : arc / 2, before = arc % 2 ? arc / 2 : -1;
    double from = arc % 2 ? l->angle + l->half : l->angle - l->half;
    double to = arc % 2 ? next->angle - next->half + (arc / 2 + 1 == s->nelectrodes ? TWO_PI : 0) : l->angle + l->half;
    if (!(to - from > 1e-9 && to - from < TWO_PI))
      return err_set(e, ERR_RUN, "mesh: electrodes %d and %d overlap or are not in ascending order of angle",
                     arc / 2 + 1, (arc / 2 + 1) % s->nelectrodes + 1);
    double length = (to - from) * eit_outline_radius(&s->outline, (from + to) / 2);
    if (arc % 2 == 0) d->half[arc / 2] = length / 2;
    int steps = 2 * (int)fmin(1e6, ceil(length / (2 * s->h)));
    for (int i = 0; i < steps && !d->full; i++) {
      int v = add_node(d, 1, from + (to - from) * i / steps);
      if (v) add_face(d, v - 1, v, i ? own : before);
      if (i == 0) d->tip[arc][0] = d->node[v].x, d->tip[arc][1] = d->node[v].y;
    }
  }
  if (!d->full) add_face(d, d->nnodes - 1, 0, -1);
  return 0;
}

/* Triangles between ring A (na nodes from a, outside) and ring B (nb from b), both anticlockwise: shorter diagonals. */
static void join(draft *d, int a, int na, int b, int nb) {
  int start = 0;
  for (int j = 1; j < nb; j++)
    if (distance(d, a, b + j) < distance(d, a, b + start)) start = j;
  for (int i = 0, j = 0; i < na || j < nb;) {
    int p = a + i % na, p1 = a + (i + 1) % na, q = b + (start + j) % nb, q1 = b + (start + j + 1) % nb;
    if (j == nb || (i < na && distance(d, p1, q) <= distance(d, p, q1) * (1 + 1e-9))) {
      add_elem(d, p, p1, q);
      i++;
    } else {
      add_elem(d, p, q1, q);
      j++;
    }
  }
}

static int rings(draft *d, err *e) {
  double R = d->s->outline.radius;
  if (boundary(d, e)) return e->code;
  int from = 0, n = d->nnodes, count = (int)fmin(1e5, ceil(R / (.87 * d->s->h)));
  for (int i = count - 1; i > 0 && !d->full; i--) {
    double rho = (double)i / count;
    int at = d->nnodes, k = (int)fmax(6, floor(TWO_PI * rho * R / d->s->h + .5));
    for (int j = 0; j < k && !d->full; j++) add_node(d, rho, TWO_PI * (j + .5 * (i % 2)) / k);
    if (!d->full) join(d, from, n, at, k);
    from = at, n = k;
  }
  int centre = add_node(d, 0, NAN);
  for (int i = 0; i < n && !d->full; i++) add_elem(d, from + i, from + (i + 1) % n, centre);
  return 0;
}

/* ---- middles of edges ---- */

typedef struct edges { /* hash table from the two ends of an edge to its middle */
  size_t mask;
  int (*key)[2];
  int *middle;
} edges;

static int edges_open(edges *t, draft *d) {
  size_t n = 64;
  while (n < 4 * (size_t)d->nelems) n *= 2;
  *t = (edges){n - 1, malloc(n * sizeof *t->key), malloc(n * sizeof *t->middle)};
  if (t->key && t->middle)
    memset(t->middle, -1, n * sizeof *t->middle);
  else
    d->full = true;
  return d->full;
}

static void edges_close(edges *t) {
  free(t->key), free(t->middle);
}

/* The place of edge ab in the table: its middle is -1 if it has none yet. */
static size_t edge(const edges *t, int a, int b) {
  int lo = a < b ? a : b, hi = a < b ? b : a;
  size_t i = ((size_t)lo * 0x9e3779b97f4a7c15u ^ (size_t)hi * 0xc2b2ae3d27d4eb4fu) >> 16 & t->mask;
  for (; t->middle[i] >= 0; i = (i + 1) & t->mask)
    if (t->key[i][0] == lo && t->key[i][1] == hi) break;
  return i;
}

static int middle(edges *t, draft *d, int a, int b) {
  size_t i = edge(t, a, b);
  if (t->middle[i] >= 0) return t->middle[i];
  node p = d->node[a], q = d->node[b];
  double turn = q.phi - p.phi;
  turn -= TWO_PI * floor(turn / TWO_PI + .5);
  double phi = isnan(p.phi) ? q.phi : isnan(q.phi) ? p.phi : p.phi + turn / 2;
  t->key[i][0] = a < b ? a : b, t->key[i][1] = a < b ? b : a;
  return t->middle[i] = add_node(d, (p.rho + q.rho) / 2, phi);
}

/* Fills in the middles of all elements and faces. */
static void middles(draft *d) {
  edges t;
  if (!edges_open(&t, d)) {
    for (int k = 0; k < d->nelems && !d->full; k++) {
      int *v = d->elem[k];
      for (int i = 0; i < 3; i++) v[3 + i] = middle(&t, d, v[i], v[(i + 1) % 3]);
    }
    for (int k = 0; k < d->nfaces && !d->full; k++) d->face[k][2] = middle(&t, d, d->face[k][0], d->face[k][1]);
  }
  edges_close(&t);
}

/* ---- refinement ---- */

/* Each triangle into four, each face into two. */
static void refine(draft *d) {
  middles(d);
  int nelems = d->nelems, nfaces = d->nfaces;
  for (int k = 0; k < nelems && !d->full; k++) {
    int v[6];
    memcpy(v, d->elem[k], sizeof v);
    for (int i = 0; i < 3; i++) add_elem(d, v[i], v[3 + i], v[3 + (i + 2) % 3]);
    if (!d->full) memcpy(d->elem[k], (int[6]){v[3], v[4], v[5], -1, -1, -1}, sizeof v);
  }
  for (int k = 0; k < nfaces && !d->full; k++) {
    add_face(d, d->face[k][2], d->face[k][1], d->face[k][3]);
    if (!d->full) d->face[k][1] = d->face[k][2];
  }
}

/* Turns the corners so that the longest edge is 01; its length. */
static double longest(const draft *d, int *v) {
  double l[3];
  int best = 0;
  for (int i = 0; i < 3; i++) {
    l[i] = distance(d, v[i], v[(i + 1) % 3]);
    if (l[i] > l[best] * (1 + 1e-9)) best = i;
  }
  int w[3] = {v[best], v[(best + 1) % 3], v[(best + 2) % 3]};
  memcpy(v, w, sizeof w);
  return l[best];
}

static double size_at(const draft *d, const int *v) {
  double x = 0, y = 0, size = d->s->h;
  for (int i = 0; i < 3; i++) x += d->node[v[i]].x / 3, y += d->node[v[i]].y / 3;
  for (int k = 0; k < 2 * d->s->nelectrodes; k++) {
    const eit_electrode *l = d->s->electrode + k / 2;
    double u = x - d->tip[k][0], w = y - d->tip[k][1], slope = l->slope > 0 ? l->slope : d->s->slope;
    double edge = l->h_edge > 0 ? l->h_edge : d->s->h_edge, s4 = (u * u + w * w) * sqrt(u * u + w * w) * d->half[k / 2];
    size = fmin(size, edge + (slope > 0 ? slope : .3) * sqrt(sqrt(s4)));
  }
  return size;
}

/* Cuts an element whose longest edge 01 has a middle; other edges may have one too. */
static void cut(draft *d, const edges *t, int k) {
  int a = d->elem[k][0], b = d->elem[k][1], c = d->elem[k][2], m = t->middle[edge(t, a, b)];
  int p = t->middle[edge(t, b, c)], q = t->middle[edge(t, c, a)];
  if (q >= 0) {
    memcpy(d->elem[k], (int[3]){a, m, q}, 3 * sizeof(int));
    add_elem(d, m, c, q);
  } else {
    memcpy(d->elem[k], (int[3]){a, m, c}, 3 * sizeof(int));
  }
  if (p >= 0) {
    add_elem(d, m, b, p);
    add_elem(d, m, p, c);
  } else {
    add_elem(d, m, b, c);
  }
}

/* One sweep: bisects what is too large, and neighbours until all edges match. Returns whether anything was cut. */
static bool bisect(draft *d) {
  edges t;
  int nelems = d->nelems, nfaces = d->nfaces, before = d->nnodes;
  if (!edges_open(&t, d)) {
    for (int k = 0; k < nelems && !d->full; k++)
      if (longest(d, d->elem[k]) > size_at(d, d->elem[k])) middle(&t, d, d->elem[k][0], d->elem[k][1]);
    for (int last = -1; last != d->nnodes && !d->full;) {
      last = d->nnodes;
      for (int k = 0; k < nelems && !d->full; k++) {
        const int *v = d->elem[k];
        if (t.middle[edge(&t, v[1], v[2])] >= 0 || t.middle[edge(&t, v[2], v[0])] >= 0) middle(&t, d, v[0], v[1]);
      }
    }
    for (int k = 0; k < nelems && !d->full; k++)
      if (t.middle[edge(&t, d->elem[k][0], d->elem[k][1])] >= 0) cut(d, &t, k);
    for (int k = 0; k < nfaces && !d->full; k++) {
      int m = t.middle[edge(&t, d->face[k][0], d->face[k][1])];
      if (m < 0) continue;
      add_face(d, m, d->face[k][1], d->face[k][3]);
      if (!d->full) d->face[k][1] = m;
    }
  }
  edges_close(&t);
  return !d->full && d->nnodes > before;
}

/* ---- the finished mesh ---- */

static eit_mesh *finished(const draft *d, int order, err *e) {
  int nfaces = 0, at = 0;
  for (int k = 0; k < d->nfaces; k++) nfaces += d->face[k][3] >= 0;
  eit_mesh *m = eit_mesh_room(2, order, d->nnodes, d->nelems, nfaces, d->s->nelectrodes, e);
  if (!m) return NULL;
  for (int i = 0; i < d->nnodes; i++) m->x[2 * (long)i] = d->node[i].x, m->x[2 * (long)i + 1] = d->node[i].y;
  for (int k = 0; k < d->nelems; k++)
    memcpy(m->elem + (long)k * m->elem_size, d->elem[k], (size_t)m->elem_size * sizeof(int));
  for (int k = 0; k < d->nfaces; k++) {
    if (d->face[k][3] < 0) continue;
    memcpy(m->face + (long)at * m->face_size, d->face[k], (size_t)m->face_size * sizeof(int));
    m->face_electrode[at++] = d->face[k][3];
  }
  return m;
}

static int check(const eit_mesh_spec *s, err *e) {
  if (s->nelectrodes < 2) return err_set(e, ERR_RUN, "mesh: %d electrodes: at least 2", s->nelectrodes);
  if (!(s->h > 0 && s->h_edge > 0 && s->h_edge <= s->h && s->h <= s->outline.radius))
    return err_set(e, ERR_RUN, "mesh: sizes h = %g, h_edge = %g: 0 < h_edge <= h <= radius = %g", s->h, s->h_edge,
                   s->outline.radius);
  if (!(s->slope >= 0)) return err_set(e, ERR_RUN, "mesh: slope = %g: must not be negative", s->slope);
  for (int i = 0; i < 720; i++)
    if (!(eit_outline_radius(&s->outline, TWO_PI * i / 720) > .01 * s->outline.radius))
      return err_set(e, ERR_RUN, "mesh: the outline is not positive at %g degrees", i / 2.);
  return 0;
}

int eit_mesh_new(eit_mesh **m, const eit_mesh_spec *s, err *e) {
  *m = NULL;
  if (check(s, e)) return e->code;
  draft d = {.s = s};
  d.tip = malloc(2 * (size_t)s->nelectrodes * sizeof *d.tip), d.half = malloc((size_t)s->nelectrodes * sizeof *d.half);
  d.full = !d.tip || !d.half;
  int rc = d.full ? 0 : rings(&d, e);
  while (!rc && bisect(&d)) continue;
  for (int i = 0; i < s->refine && !rc && !d.full; i++) refine(&d);
  if (s->order == 2 && !rc) middles(&d);
  if (d.full) rc = err_set(e, ERR_RUN, "mesh: no memory for more than %d nodes", d.nnodes);
  if (!rc) *m = finished(&d, s->order ? s->order : 1, e);
  draft_free(&d);
  return e->code;
}
