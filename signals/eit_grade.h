/* eit_grade.h: one-dimensional grids whose steps grow by a constant factor away from an end. Local. */
#ifndef SIGNALS_EIT_GRADE_H
#define SIGNALS_EIT_GRADE_H

#include "base/err.h"

typedef struct eit_grade {
  int n;          /* steps */
  double *t;      /* (n + 1) from 0 to 1 */
  double largest; /* step, in the unit of length */
} eit_grade;

/* Steps first, first growth, ... up to `most`, all scaled by one factor to fit `length`. From one end; from both, then
 * the middle is a point. ERR_RUN: more than a million steps, no memory. */
int eit_grade_one(eit_grade *g, double length, double first, double growth, double most, err *e);
int eit_grade_both(eit_grade *g, double length, double first, double growth, double most, err *e);
void eit_grade_free(eit_grade *g);

#endif
