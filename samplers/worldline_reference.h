/* worldline_reference.h: a long Markov chain of a Trotterised chain as results of a run, beside the exact values at the
 * same Trotter number. All functions are collective but for the last. */
#ifndef SAMPLERS_WORLDLINE_REFERENCE_H
#define SAMPLERS_WORLDLINE_REFERENCE_H

#include "analysis/quantum.h"
#include "samplers/worldline.h"

/* The chain of a deck section (keys chain_keys, kinds worldline_types): results e, c, m, chi, chi_st, E, CT2, chi_sigma
 * .<tag> with errors by the Gamma method (quantum.h), tau_E and tau_Mst .<tag>: integrated autocorrelation times of
 * energy and staggered magnetisation in sweeps. Where no exact value is known they become the reference of other
 * estimators of the same observable. Everything is owned by the run, so that it stops and continues anywhere.
 *
 * exact: NaN where unknown (chain_unknown()), copied; r and t must outlive the reference. keep: how many configurations
 * are kept, equally spaced over the chain (at least so many where it makes that many measurements; 0: none). */
typedef struct worldline_reference worldline_reference;
int worldline_reference_new(worldline_reference **out, run *r, const char *section, const trotter *t,
                            const chain_thermo *exact, long keep, err *e);
void worldline_reference_free(worldline_reference *m); /* NULL allowed */
/* The sweeps not made yet, then results; returns early, without them, where the run must stop. */
int worldline_reference_run(worldline_reference *m, err *e);
/* After a complete run, on every rank: *n configurations (n, t->n), replica after replica; owned by m. Local. */
const int8_t *worldline_reference_spins(const worldline_reference *m, long *n);

#endif
