/* apps.c: one line per app. */
#include "apps/apps.h"

extern const app app_ising, app_heisenberg;

const app *const apps_table[] = {&app_ising, &app_heisenberg, NULL};
