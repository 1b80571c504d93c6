/* real_data.h: files of the real-data folder ($SPINET_DATA, else shared/data beside the source folder or one above,
 * where worktrees live). Tests of such data exit with 77 (skipped) where the folder is absent. */
#ifndef TESTS_REAL_DATA_H
#define TESTS_REAL_DATA_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Path of a file of the folder; NULL where it is absent. The text stays until the next but three calls. */
static inline const char *real_data(const char *name) {
  static char ring[4][PATH_MAX];
  static int turn;
  char *path = ring[turn++ & 3];
  const char *set = getenv("SPINET_DATA"), *source = getenv("SPINET_SOURCE");
  const char *above[] = {"/../shared/data", "/../../shared/data"};
  if (set) {
    snprintf(path, PATH_MAX, "%s/%s", set, name);
    return access(path, R_OK) ? NULL : path;
  }
  for (int i = 0; i < 2; i++) {
    snprintf(path, PATH_MAX, "%s%s/%s", source ? source : ".", above[i], name);
    if (!access(path, R_OK)) return path;
  }
  return NULL;
}

enum { REAL_DATA_SKIP = 77 };
#endif
