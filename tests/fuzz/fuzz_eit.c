/* fuzz_eit.c: any bytes into each reader of recordings and into the Gmsh reader: a record or one error. The first byte
 * of the input chooses the reader, unless SPINET_FUZZ_READER in the environment names it (gmsh: that of meshes). With
 * clang: -fsanitize=fuzzer,address,undefined (tests/eit.cmake, option SPINET_FUZZ). With SPINET_FUZZ_STANDALONE a plain
 * program that makes small files of every format (tests/eit_files.h), turns over bits and cuts, so that every build
 * runs some; `fuzz_eit write FOLDER` writes these files as seeds. */
#include <stdbool.h>

#include "signals/eit_mesh.h"
#include "signals/eit_read.h"
#include "tests/eit_files.h"

static void demand(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "fuzz_eit: %s\n", what);
  abort();
}

static int readers(void) {
  int n = 0;
  while (eit_readers[n]) n++;
  return n;
}

/* The reader that the environment names, -1: none. */
static int named(void) {
  static int which = -2;
  const char *name = getenv("SPINET_FUZZ_READER");
  if (which == -2) {
    which = -1;
    for (int i = 0; name && i < readers(); i++)
      if (!strcmp(eit_readers[i]->name, name)) which = i;
    if (name && !strcmp(name, "gmsh")) which = readers() + 1;
    demand(!name || which >= 0, "SPINET_FUZZ_READER names no reader");
  }
  return which;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  unsigned char *copy = malloc(size);
  err e = {0};
  if (!copy) return 0;
  memcpy(copy, data + 1, size - 1);
  copy[size - 1] = 0;
  int which = named() >= 0 ? named() : data[0] % (readers() + 2), code;
  if (which > readers()) {
    eit_mesh *m;
    code = eit_mesh_parse(&m, "fuzz", (const char *)copy, size - 1, &e);
    demand((code == 0) == (m != NULL), "code and mesh disagree");
    eit_mesh_free(m);
  } else {
    eit_record *r;
    eit_source s = {"fuzz", copy, size - 1};
    code = eit_read_bytes(&r, &s, which < readers() ? eit_readers[which]->name : NULL, &e);
    demand((code == 0) == (r != NULL), "code and record disagree");
    demand(!r || (r->nframes > 0 && r->ndata > 0 && !r->protocol == (r->rows > 0)), "an odd record");
    eit_record_free(r);
  }
  demand((code == 0) == (e.text[0] == 0), "code and message disagree");
  free(copy);
  return 0;
}

#ifdef SPINET_FUZZ_STANDALONE
static int number_of(const char *reader) {
  for (int i = 0; eit_readers[i]; i++)
    if (!strcmp(eit_readers[i]->name, reader)) return i;
  return 0;
}

/* A triangle with one electrode: ASCII 2.2 and 4.1, binary 2.2. */
static void meshes_make(eit_file f[3]) {
  memset(f, 0, 3 * sizeof *f);
  file_text(f,
            "$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$PhysicalNames\n2\n1 1 \"electrode 1\"\n2 7 \"lung\"\n"
            "$EndPhysicalNames\n$Nodes\n3\n1 0 0 0\n2 1 0 0\n3 0 1 0\n$EndNodes\n$Elements\n2\n1 1 2 1 1 1 2\n"
            "2 2 2 7 1 1 2 3\n$EndElements\n");
  file_text(f + 1,
            "$MeshFormat\n4.1 0 8\n$EndMeshFormat\n$Entities\n0 1 1 0\n1 0 0 0 1 1 0 1 1 0\n1 0 0 0 1 1 0 1 7 0\n"
            "$EndEntities\n$Nodes\n1 3 1 3\n2 1 0 3\n1\n2\n3\n0 0 0\n1 0 0\n0 1 0\n$EndNodes\n$Elements\n"
            "2 2 1 2\n1 1 1 1\n1 1 2\n2 1 2 1\n2 1 2 3\n$EndElements\n");
  file_text(f + 2, "$MeshFormat\n2.2 1 8\n"), file_u32(f + 2, 1);
  file_text(f + 2, "\n$EndMeshFormat\n$Nodes\n3\n");
  for (uint32_t i = 1; i < 4; i++)
    file_u32(f + 2, i), file_double(f + 2, i == 2), file_double(f + 2, i == 3), file_double(f + 2, 0);
  file_text(f + 2, "\n$EndNodes\n$Elements\n2\n");
  static const uint32_t cells[] = {1, 1, 2, 1, 1, 1, 1, 2, 2, 1, 2, 2, 7, 1, 1, 2, 3};
  for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) file_u32(f + 2, cells[i]);
  file_text(f + 2, "\n$EndElements\n");
}

static int write_one(const char *folder, const char *name, int k, int first, const eit_file *f) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s-%d", folder, name, k);
  FILE *out = fopen(path, "wb");
  if (!out) return 1;
  fputc(first, out);
  fwrite(f->bytes, 1, f->n, out);
  return fclose(out) != 0;
}

static int write_seeds(const eit_file *f, const eit_file *mesh, const char *folder) {
  int bad = 0;
  for (int k = 0; k < FILES; k++) bad |= write_one(folder, f[k].reader, k, number_of(f[k].reader), f + k);
  for (int k = 0; k < 3; k++) bad |= write_one(folder, "gmsh", k, readers() + 1, mesh + k);
  return bad;
}

/* The seeds themselves are read, so that they are good ones. */
static void whole_meshes(const eit_file *mesh) {
  for (int k = 0; k < 3; k++) {
    eit_mesh *m;
    err e = {0};
    demand(!eit_mesh_parse(&m, "seed", (const char *)mesh[k].bytes, mesh[k].n, &e) && m->nelectrodes == 1,
           "a bad seed");
    eit_mesh_free(m);
  }
}

int main(int argc, char **argv) {
  eit_file f[FILES], mesh[3];
  unsigned long long state = 88172645463325252ull;
  int inputs = 0;
  files_make(f), meshes_make(mesh);
  int bad = argc == 3 ? write_seeds(f, mesh, argv[2]) : 0;
  whole_meshes(mesh);
  for (int k = 0; k < FILES && argc < 3; k++)
    for (int i = 0; i < 150; i++, inputs++) {
      unsigned char *in = malloc(f[k].n + 1);
      size_t n = f[k].n + 1;
      in[0] = (unsigned char)(i % 10 == 9 ? readers() : number_of(f[k].reader));
      memcpy(in + 1, f[k].bytes, f[k].n);
      for (int flips = 0; flips < i % 5; flips++) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        in[1 + state % (flips % 2 ? n - 1 : n < 500 ? n - 1 : 500)] ^= (unsigned char)(state >> 40);
      }
      if (i % 3 == 0) n = 1 + (n - 1) * (size_t)i / 150;
      LLVMFuzzerTestOneInput(in, n);
      free(in);
    }
  files_free(f);
  for (int k = 0; k < 3; k++) free(mesh[k].bytes);
  printf("%d inputs\n", inputs);
  return bad;
}
#endif
