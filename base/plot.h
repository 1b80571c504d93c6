/* plot.h: the gnuplot driver: a figure is panels, a panel is axes and curves; colour-blind-safe colours (Okabe-Ito),
 * axis labels with units compulsory, error bars drawn where given, lines beneath the points. Rank 0; local. Running out
 * of memory is remembered and reported by plot_write. */
#ifndef BASE_PLOT_H
#define BASE_PLOT_H
#include <stddef.h>

#include "base/err.h"

/* GUIDE: a thin grey line; TINTED: a line whose colour goes with `error` from -1 (blue) over 0 (grey) to 1 (red) */
typedef enum { PLOT_POINTS, PLOT_LINE, PLOT_STEPS, PLOT_GUIDE, PLOT_TINTED, PLOT_IMAGE, PLOT_MAP } plot_style;
typedef struct plot plot;

/* The label of an axis, "f [J]"; pure numbers (unit NULL, "" or "1") have no bracket. */
enum { PLOT_LABEL = 240 };
void plot_with_unit(char s[PLOT_LABEL], const char *name, const char *unit);

plot *plot_new(const char *title, int columns);
/* Starts the next panel. logx/logy: logarithmic axes. */
void plot_panel(plot *p, const char *title, const char *xlabel, const char *ylabel, int logx, int logy);
/* n points of the last panel; error may be NULL; points that are not finite are left out. Data are copied. label NULL:
 * no entry in the key. PLOT_IMAGE and PLOT_MAP are for the functions below only. */
void plot_curve(plot *p, const char *label, plot_style s, size_t n, const double *x, const double *y,
                const double *error);
/* rows x cols image of values in {-1,1} or a range, drawn in grey. */
void plot_image(plot *p, const char *label, size_t rows, size_t cols, const double *z);
/* rows x cols image, row 0 on top, with a colour bar from low to high named by `unit`: from blue over white to orange
 * where low < 0, else from dark to light. Values that are not finite are left white. */
void plot_map(plot *p, const char *unit, size_t rows, size_t cols, const double *z, double low, double high);
/* PATH ends in .png, .svg or .pdf. Leaves PATH with .gp for the ending beside it: script and data in one, to restyle by
 * hand. Where gnuplot is missing or fails that is all, and 0 is returned with the reason in e->text (e->code stays 0):
 * a run draws by run_figure (base/run.h), which makes a warning of any failure. Frees p. */
int plot_write(plot *p, const char *path, err *e);
void plot_drop(plot *p); /* frees without writing; p may be NULL */
#endif
