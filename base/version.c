/* version.c: version, revision, compiler and libraries. The macros are defined for this file by CMake. */
#include "base/version.h"

#include <dlfcn.h>
#include <gsl/gsl_version.h>
#include <hdf5.h>
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#ifndef SPINET_VERSION
#define SPINET_VERSION "unknown"
#endif
#ifndef SPINET_REVISION
#define SPINET_REVISION ""
#endif
#ifndef SPINET_COMPILER
#define SPINET_COMPILER __VERSION__
#endif
#ifndef SPINET_BUILD
#define SPINET_BUILD "unknown"
#endif

const char *version_number(void) {
  return SPINET_VERSION;
}
const char *version_revision(void) {
  return SPINET_REVISION[0] ? SPINET_REVISION : "unknown";
}
const char *version_compiler(void) {
  return SPINET_COMPILER;
}
const char *version_build(void) {
  return SPINET_BUILD;
}

/* "Open MPI v4.1.4, package: ..." -> "Open MPI 4.1.4" */
static void mpi_version(char *s, size_t n) {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length;
  MPI_Get_library_version(text, &length);
  text[strcspn(text, ",\n")] = 0;
  char *v = strstr(text, " v");
  if (v) memmove(v + 1, v + 2, strlen(v + 2) + 1);
  snprintf(s, n, "%s", text);
}

/* Libraries that the program need not be linked with (no header of theirs is known here). */
static void optional(char *s, size_t n) {
  char *(*blas)(void) = (char *(*)(void))dlsym(RTLD_DEFAULT, "openblas_get_config");
  const char *fftw = dlsym(RTLD_DEFAULT, "fftw_version");
  if (blas) { /* "OpenBLAS 0.3.21 NO_LAPACKE ..." */
    const char *text = blas();
    int length = (int)strcspn(text, " ");
    if (text[length]) length += 1 + (int)strcspn(text + length + 1, " ");
    snprintf(s, n, ", %.*s", length, text);
  }
  size_t used = strlen(s);
  if (fftw)
    snprintf(s + used, n - used, ", FFTW %.*s", (int)strspn(fftw + 5, "0123456789."), fftw + 5); /* "fftw-3.3.10-..." */
}

char *version_libraries(char *s, size_t n) {
  char mpi[MPI_MAX_LIBRARY_VERSION_STRING], more[200] = "";
  unsigned a = 0, b = 0, c = 0;
  mpi_version(mpi, sizeof mpi);
  H5get_libversion(&a, &b, &c);
  optional(more, sizeof more);
  snprintf(s, n, "%s, HDF5 %u.%u.%u, GSL %s, libyaml %s%s", mpi, a, b, c, gsl_version, yaml_get_version_string(), more);
  return s;
}
