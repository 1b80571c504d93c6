/* apps.c: one line per app. */
#include "apps/apps.h"

extern const app app_ising, app_heisenberg, app_yukawa_generate, app_series;

const app *const apps_table[] = {&app_ising, &app_heisenberg, &app_yukawa_generate, &app_series, NULL};
