/* version.h: what this program was made of. Local. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H
#include <stddef.h>

const char *version_number(void);   /* "0.1.0" */
const char *version_revision(void); /* git describe of the source, "unknown" outside a checkout */
const char *version_compiler(void);
const char *version_build(void);
/* "Open MPI 4.1.4, HDF5 1.10.8, GSL 2.7.1, OpenBLAS 0.3.21, libyaml 0.2.5, ..." into s[n]; returns s. */
char *version_libraries(char *s, size_t n);
#endif
