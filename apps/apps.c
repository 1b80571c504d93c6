/* apps.c: one line per app. */
#include "apps/apps.h"

extern const app app_ising, app_heisenberg, app_yukawa_generate, app_yukawa_train, app_yukawa_explain;
extern const app app_series, app_series_explain, app_series_predict, app_eit, app_eit_image;

const app *const apps_table[] = {
    &app_ising,  &app_heisenberg,     &app_yukawa_generate, &app_yukawa_train, &app_yukawa_explain,
    &app_series, &app_series_explain, &app_series_predict,  &app_eit,          &app_eit_image,
    NULL};
