/* apps.c: one line per app. */
#include "apps/apps.h"

extern const app app_ising;

const app *const apps_table[] = {&app_ising, NULL};
