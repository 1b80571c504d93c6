/* apps.h: the table of apps. A new app is one file apps/<name>.c with `const app app_<name>`, and one line in apps.c.
 */
#ifndef APPS_APPS_H
#define APPS_APPS_H
#include "base/run.h"

extern const app *const apps_table[]; /* NULL ends it */
#endif
