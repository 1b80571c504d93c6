/* scalar_points.h: the points of a parameter scan of scalar fields from a deck: sections lattice, model and, where
 * there are fermions, fermions. Local. */
#ifndef SAMPLERS_SCALAR_POINTS_H
#define SAMPLERS_SCALAR_POINTS_H

#include "samplers/scalar_chain.h"

extern const deck_key scalar_lattice_keys[], scalar_model_keys[], scalar_fermion_keys[];

typedef struct scalar_points {
  int d, side[SCALAR_DIM];
  int n;               /* points */
  scalar_model *model; /* (n); kappa in the order of the deck, or ascending where drawn */
  bool drawn;          /* kappa is drawn, not listed */
} scalar_points;

/* Kappa of model.kappa, or model.draw numbers uniform between the least and the greatest of them. ERR_DECK. */
int scalar_points_from_deck(scalar_points *p, const deck *d, uint32_t seed, err *e);
void scalar_points_free(scalar_points *p);

#endif
