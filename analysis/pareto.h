/* pareto.h: how heavy is the tail of the importance weights? A generalised Pareto distribution is fitted to the largest
 * M = min(n/5, 3 sqrt n) weights; moments of order 1/k and above do not exist for shape k (Vehtari et al., Pareto
 * smoothed importance sampling). Streaming: a heap keeps the largest log weights in bounded memory. Local. */
#ifndef ANALYSIS_PARETO_H
#define ANALYSIS_PARETO_H

#include <stddef.h>

#include "base/err.h"

typedef enum { STAT_GOOD, STAT_WARN, STAT_REFUSE } stat_verdict; /* REFUSE: print no error bar */

typedef struct pareto {
  int room;      /* most log weights kept                                                                           */
  double *state; /* (room + 2): n, number kept, heap with the smallest kept log weight first. This is ALL the state:
                    registering these doubles with the run makes the object restartable                             */
} pareto;

/* For up to `planned` samples (the count may grow: a longer run then fits the largest of those kept, still a tail).
 * planned <= 0: 1e6. Caller frees. */
int pareto_new(pareto **p, long planned, err *e);
void pareto_free(pareto *p);
void pareto_clear(pareto *p);
size_t pareto_count(const pareto *p); /* doubles in state */

/* lw = -inf is a weight 0 and counts in n. NaN and +inf: ERR_RUN, nothing added. No allocation. */
int pareto_add(pareto *p, double lw, err *e);
/* dst += src; the result does not depend on order or grouping, bit for bit, as long as room >= M + 1. */
void pareto_merge(pareto *dst, const pareto *src);

/* The shape k; independent of the order of samples. -inf: all weights in the tail are equal; +inf: the tail spans more
 * than double precision can; NaN: undetermined (fewer than 5 distinct exceedances: n < 25, or few-valued weights). */
double pareto_k(const pareto *p);
/* The same from an array of n log weights. ERR_RUN for NaN or +inf. */
int pareto_k_of(double *k, long n, const double *lw, err *e);

/* k <= .5 good, .5 .. .7 warn, > .7 refuse; NaN good: judge by the effective sample size alone. */
stat_verdict pareto_verdict(double k);

/* Zhang-Stephens fit to n exceedances x > 0 in ascending order: shape of the generalised Pareto distribution
 * 1 - (1 + k x/sigma)^(-1/k). prior: add the weak prior of ten pseudo-observations at k = .5. */
double pareto_fit(long n, const double *x, int prior);

#endif
