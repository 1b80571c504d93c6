/* folder.h: a folder of its own for the files of a test, in memory where the machine offers that, removed at the end. */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder_path[64];

static inline int folder_make(void) {
  strcpy(folder_path, "/dev/shm/spinet_test_XXXXXX");
  if (mkdtemp(folder_path)) return 0;
  strcpy(folder_path, "/tmp/spinet_test_XXXXXX");
  return !mkdtemp(folder_path);
}

/* Path of a file in it; stays until the next but seven calls. */
static inline const char *folder_file(const char *name) {
  static char ring[8][PATH_MAX];
  static int turn;
  char *s = ring[turn++ & 7];
  snprintf(s, PATH_MAX, "%s/%s", folder_path, name);
  return s;
}

static inline int folder_put(const char *name, const void *p, size_t n) {
  FILE *f = fopen(folder_file(name), "wb");
  return !f || fwrite(p, 1, n, f) != n || fclose(f);
}

static inline int folder_remove(void) {
  char command[100];
  snprintf(command, sizeof command, "rm -r %s", folder_path);
  return system(command);
}
#endif
