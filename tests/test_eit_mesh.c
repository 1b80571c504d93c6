/* test_eit_mesh.c: the mesher on circles and on a thorax, belts, files of Gmsh in both formats, malformed files. */
#include "eit_fixture.h"

enum { L = 16 };

static void sound(const eit_mesh *m, const char *name) {
  int *used = calloc((size_t)m->nnodes, sizeof *used), *faces = calloc((size_t)m->nelectrodes, sizeof *faces),
      missing = 0;
  for (long i = 0; i < (long)m->nelems * m->elem_size; i++) used[m->elem[i]] = 1;
  for (int i = 0; i < m->nnodes; i++) missing += !used[i];
  CHECK_REPORT(!missing, "%s: %d nodes belong to no element", name, missing);
  for (int k = 0; k < m->nfaces; k++) faces[m->face_electrode[k]]++;
  for (int l = 0; l < m->nelectrodes; l++)
    CHECK_REPORT(faces[l] >= 2, "%s: electrode %d has %d faces", name, l, faces[l]);
  for (int k = 0; k < m->nelems; k++) {
    double *a = m->x + 2 * (long)m->elem[(long)k * m->elem_size],
           *b = m->x + 2 * (long)m->elem[(long)k * m->elem_size + 1],
           *c = m->x + 2 * (long)m->elem[(long)k * m->elem_size + 2];
    double s = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]), e2 = 0;
    e2 = fmax(fmax(hypot(b[0] - a[0], b[1] - a[1]), hypot(c[0] - a[0], c[1] - a[1])), hypot(c[0] - b[0], c[1] - b[1]));
    if (!(s > .1 * e2 * e2)) CHECK_REPORT(0, "%s: element %d: area %g, longest edge %g", name, k, s / 2, e2);
  }
  free(used), free(faces);
}

static double area(const eit_mesh *m) {
  double a = 0;
  for (int k = 0; k < m->nelems; k++) a += eit_mesh_measure(m, k);
  return a;
}

static double length(const eit_mesh *m, int electrode) {
  double a = 0;
  for (int k = 0; k < m->nfaces; k++) {
    const int *f = m->face + (long)k * m->face_size;
    for (int i = 0; i + 1 < m->face_size && m->face_electrode[k] == electrode; i++) {
      int p = m->face_size == 2 ? f[i] : f[i ? 2 : 0], q = m->face_size == 2 ? f[i + 1] : f[i ? 1 : 2];
      a += hypot(m->x[2 * p] - m->x[2 * q], m->x[2 * p + 1] - m->x[2 * q + 1]);
    }
  }
  return a;
}

static eit_mesh *thorax(int order, double h) {
  static const double a[4] = {0, .18, 0, -.02}, b[4] = {.02, 0, -.03, .01};
  eit_outline o = {.135, 4, a, b};
  eit_electrode belt[L];
  eit_mesh *m = NULL;
  err e = {0};
  eit_belt(&o, L, .02, .3, belt);
  eit_mesh_spec s = {.outline = o, .nelectrodes = L, .electrode = belt, .h = h, .h_edge = h / 10, .order = order};
  fixture_fine(eit_mesh_new(&m, &s, &e), &e);
  for (int l = 0; l < L; l++) CHECK_REL(length(m, l), .02, order == 2 ? 3e-3 : 5e-3);
  return m;
}

static void shapes(void) {
  eit_mesh *m = fixture_disk(2, L, .1, .2, .01, .3, 0, 1);
  sound(m, "disk");
  CHECK_REL(area(m), 4 * FIXTURE_PI, 3e-3);
  CHECK_REL(length(m, 3), .4, 1e-3);
  eit_mesh_free(m);
  m = thorax(1, .01);
  sound(m, "thorax");
  double sum = 0; /* area = 1/2 int r^2 = pi r0^2 (1 + sum (a^2 + b^2)/2) */
  static const double all[6] = {.18, .02, .02, .03, .01};
  for (int i = 0; i < 6; i++) sum += all[i] * all[i] / 2;
  CHECK_REL(area(m), FIXTURE_PI * .135 * .135 * (1 + sum), 2e-3);
  eit_mesh_free(m);
  m = thorax(2, .02);
  sound(m, "thorax of degree 2");
  eit_mesh_free(m);
  for (int refine = 0; refine < 2; refine++) {
    m = fixture_disk(1, 8, .2, .3, .1, .5, refine, 1);
    sound(m, "refined");
    eit_mesh_free(m);
  }
}

static void refused(void) {
  eit_electrode l[2] = {{.angle = 0, .half = .5}, {.angle = .9, .half = .5}};
  double a[1] = {1.5};
  eit_mesh_spec s[3] = {
      {.outline = {.radius = 1}, .nelectrodes = 2, .electrode = l, .h = .1, .h_edge = .1},
      {.outline = {.radius = 1, .n = 1, .a = a}, .nelectrodes = 2, .electrode = l, .h = .1, .h_edge = .1},
      {.outline = {.radius = 1}, .nelectrodes = 2, .electrode = l, .h = .1, .h_edge = .2}};
  static const char *const why[3] = {"electrodes 1 and 2 overlap", "outline is not positive", "h_edge = 0.2"};
  for (int i = 0; i < 3; i++) {
    err e = {0};
    eit_mesh *m;
    CHECK_INT(eit_mesh_new(&m, s + i, &e), ERR_RUN);
    CHECK_REPORT(!m && strstr(e.text, why[i]), "%.200s", e.text);
  }
}

/* ---- Gmsh ---- */

typedef struct writer {
  FILE *f;
  int version;
  bool binary;
} writer;
/* 4-byte integers; counts and tags, of 8 bytes in 4.1; numbers. */
static void put_int(const writer *w, int x) {
  if (w->binary)
    fwrite(&x, 4, 1, w->f);
  else
    fprintf(w->f, "%d ", x);
}
static void put_large(const writer *w, int x) {
  long long v = x;
  if (w->binary && w->version == 4)
    fwrite(&v, 8, 1, w->f);
  else
    put_int(w, x);
}
static void put_real(const writer *w, double x) {
  if (w->binary)
    fwrite(&x, 8, 1, w->f);
  else
    fprintf(w->f, "%.17g ", x);
}
static void put_end(const writer *w) {
  if (!w->binary) fputc('\n', w->f);
}

static void put_entities(const writer *w, const eit_mesh *m) {
  int d = m->dim, n = m->nelectrodes, count[] = {1, d == 2 ? n : 0, d == 2 ? 1 : n, d == 3};
  fprintf(w->f, "$Entities\n");
  for (int k = 0; k < 4; k++) put_large(w, count[k]);
  put_int(w, 1), put_real(w, 0), put_real(w, 0), put_real(w, 0), put_large(w, 0), put_end(w);
  for (int l = 0; l <= n; l++) { /* electrodes, then the body */
    put_int(w, l < n ? l + 1 : 1);
    for (int k = 0; k < 6; k++) put_real(w, k - 2);
    put_large(w, 1), put_int(w, l < n ? 10 + l : 7), put_large(w, l < n), put_end(w);
    if (l < n) put_int(w, 1);
  }
  fprintf(w->f, "\n$EndEntities\n");
}

/* In reverse order with gaps in their tags. */
static void put_nodes(const writer *w, const eit_mesh *m) {
  int n = m->nnodes, d = m->dim;
  if (w->version == 2)
    fprintf(w->f, "$Nodes\n%d\n", n);
  else
    fprintf(w->f, "$Nodes\n"), put_large(w, 1), put_large(w, n), put_large(w, 1), put_large(w, 999999), put_int(w, d),
        put_int(w, 1), put_int(w, 0), put_large(w, n);
  for (int pass = 0; pass < (w->version == 4 ? 2 : 1); pass++)
    for (int i = n - 1; i >= 0; i--, put_end(w)) {
      if (w->version == 2 || pass == 0) put_large(w, 3 * i + 5);
      for (int k = 0; k < 3 && (w->version == 2 || pass == 1); k++) put_real(w, k < d ? m->x[(long)i * d + k] : 0);
    }
  fprintf(w->f, "\n$EndNodes\n");
}

/* One element: entity and physical group, which version 2 repeats. */
static void put_cell(const writer *w, int number, int type, int group, int entity, int n, const int *node, bool head) {
  if (w->version == 2 && !w->binary) put_int(w, number), put_int(w, type), put_int(w, 2);
  if (w->version == 2 && w->binary) {
    if (head) put_int(w, type), put_int(w, 1), put_int(w, 2);
    put_int(w, number);
  }
  if (w->version == 2) put_int(w, group), put_int(w, entity);
  if (w->version == 4) put_large(w, number);
  for (int i = 0; i < n; i++) put_large(w, 3 * node[i] + 5);
  put_end(w);
}
static void put_block(const writer *w, int dim, int entity, int type, int n) {
  if (w->version == 2) return;
  put_int(w, dim), put_int(w, entity), put_int(w, type), put_large(w, n), put_end(w);
}

static void put_elements(const writer *w, const eit_mesh *m) {
  int tri = m->dim == 3     ? 4
            : m->order == 1 ? 2
                            : 9,
      line = m->dim == 3     ? 2
             : m->order == 1 ? 1
                             : 8,
      d = m->dim, first = 0, n = m->nelems + m->nfaces + 1;
  if (w->version == 2)
    fprintf(w->f, "$Elements\n%d\n", n);
  else
    fprintf(w->f, "$Elements\n"), put_large(w, m->nfaces + 2), put_large(w, n), put_large(w, 1), put_large(w, 999999);
  put_block(w, 0, 1, 15, 1), put_cell(w, 1, 15, 0, 1, 1, &first, true);
  for (int k = 0; k < m->nfaces; k++) {
    int l = m->face_electrode[k];
    put_block(w, d - 1, l + 1, line, 1);
    put_cell(w, k + 2, line, 10 + l, l + 1, m->face_size, m->face + (long)k * m->face_size, true);
  }
  put_block(w, d, 1, tri, m->nelems);
  if (w->version == 2 && w->binary) put_int(w, tri), put_int(w, m->nelems), put_int(w, 2);
  for (int k = 0; k < m->nelems; k++)
    put_cell(w, m->nfaces + 2 + k, tri, 7, 1, m->elem_size, m->elem + (long)k * m->elem_size, false);
  fprintf(w->f, "\n$EndElements\n");
}

/* Our mesh as a file of version 2 or 4. */
static char *gmsh_text(const eit_mesh *m, int version, bool binary, size_t *size) {
  char *text = NULL;
  writer w = {open_memstream(&text, size), version, binary};
  fprintf(w.f, "$MeshFormat\n%s %d 8\n", version == 2 ? "2.2" : "4.1", binary);
  if (binary) put_int(&w, 1), fputc('\n', w.f);
  fprintf(w.f, "$EndMeshFormat\n$PhysicalNames\n%d\n", m->nelectrodes + 2);
  for (int l = 0; l < m->nelectrodes; l++) fprintf(w.f, "%d %d \"Electrode %d\"\n", m->dim - 1, 10 + l, l + 1);
  fprintf(w.f, "%d 99 \"wall\"\n%d 7 \"lung\"\n$EndPhysicalNames\n", m->dim - 1, m->dim);
  if (version == 4) put_entities(&w, m);
  put_nodes(&w, m);
  put_elements(&w, m);
  fprintf(w.f, "$Periodic\n0\n$EndPeriodic\n");
  fclose(w.f);
  return text;
}

static void voltages(const eit_mesh *m, double *v) {
  err e = {0};
  eit_protocol *p;
  eit_forward *f = NULL;
  double z[L], *sigma = malloc((size_t)m->nelems * sizeof *sigma);
  for (int k = 0; k < m->nelems; k++) sigma[k] = 1;
  for (int l = 0; l < L; l++) z[l] = .1 + .01 * l;
  eit_protocol_pairs(&p, 8, 1, true, 1, &e);
  if (fixture_fine(eit_forward_new(&f, m, p, EIT_COMPLETE, &e), &e))
    fixture_fine(eit_forward_solve(f, sigma, z, v, &e), &e);
  eit_forward_free(f), eit_protocol_free(p), free(sigma);
}

static void round_trip(const eit_mesh *m) {
  double v[64], w[64];
  voltages(m, v);
  for (int how = 0; how < 4; how++) {
    size_t n;
    char *text = gmsh_text(m, how % 2 ? 4 : 2, how > 1, &n);
    eit_mesh *r;
    err e = {0};
    if (fixture_fine(eit_mesh_parse(&r, "ours.msh", text, n, &e), &e)) {
      CHECK_INT(r->nnodes, m->nnodes);
      CHECK_INT(r->nelems, m->nelems);
      CHECK_INT(r->nfaces, m->nfaces);
      CHECK_INT(r->nelectrodes, m->nelectrodes);
      CHECK_INT(r->region[0], 7);
      voltages(r, w);
      for (int i = 0; i < 40; i++) CHECK_REL(w[i], v[i], 1e-9);
    }
    eit_mesh_free(r);
    free(text);
  }
}

/* Cut anywhere or with a byte turned over: a mesh or one error, never a crash (address sanitizer). */
static void damaged(const eit_mesh *m) {
  int refused_ones = 0;
  for (int how = 0; how < 4; how++) {
    size_t n;
    char *text = gmsh_text(m, how % 2 ? 4 : 2, how > 1, &n);
    for (size_t i = 0; i < 600; i++) {
      size_t size = i % 2 ? n : n * i / 600;
      char *copy = malloc(size + 1);
      memcpy(copy, text, size);
      copy[size] = 0;
      if (i % 2) copy[(i * 7919) % n] ^= (char)(1 << i % 7);
      eit_mesh *r;
      err e = {0};
      int rc = eit_mesh_parse(&r, "damaged.msh", copy, size, &e);
      CHECK(rc == 0 ? r != NULL : r == NULL && rc == ERR_FILE && e.text[0]);
      refused_ones += rc != 0;
      eit_mesh_free(r);
      free(copy);
    }
    free(text);
  }
  CHECK(refused_ones > 1000);
}

static void says(const char *text, const char *what) {
  err e = {0};
  eit_mesh *m;
  CHECK_INT(eit_mesh_parse(&m, "bad.msh", text, strlen(text), &e), ERR_FILE);
  CHECK_REPORT(strstr(e.text, what) && !m, "\"%.200s\" does not say \"%s\"", e.text, what);
}

static void messages(void) {
  says("hello", "bad.msh:1: no Gmsh file");
  says("$MeshFormat\n3 0 8\n$EndMeshFormat\n", "bad.msh:2: version 3: only 2.2 and 4.1");
  says("$MeshFormat\n2.2 1 8\n", "the file ends before its mark of byte order");
  says("$MeshFormat\n2.2 1 4\n", "data size 4");
  says("$MeshFormat\n4.1 1 8\nabcd\n", "another byte order");
  says("$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$Nodes\n3\n1 0 0 nan\n", "bad.msh:6: a number is missing or not finite");
  says(
      "$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$Nodes\n3\n1 0 0 0\n2 1 0 0\n3 0 1 0\n$EndNodes\n$Elements\n1\n1 2 0 1 2 "
      "9\n"
      "$EndElements\n",
      "node 9, which does not exist");
  says(
      "$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$Nodes\n3\n1 0 0 0\n2 1 0 0\n3 2 0 0\n$EndNodes\n$Elements\n1\n1 2 0 1 2 "
      "3\n"
      "$EndElements\n",
      "element 1 has no size");
}

int main(void) {
  shapes();
  refused();
  messages();
  eit_mesh *m = fixture_disk(1, 8, .2, .3, .1, .5, 0, 1), *q = fixture_disk(1, 8, .2, .3, .1, .5, 0, 2), *solid = NULL;
  err e = {0};
  fixture_fine(eit_mesh_extrude(&solid, m, .4, .1, .3, .2, .1, &e), &e);
  round_trip(m);
  round_trip(q);
  round_trip(solid);
  damaged(m);
  eit_mesh_free(m), eit_mesh_free(q), eit_mesh_free(solid);
  return check_done();
}
