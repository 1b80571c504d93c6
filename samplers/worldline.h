/* worldline.h: Markov chains of the Trotterised Heisenberg chain (lattice/trotter.h), weight W(s) exp(beta h M(s)).
 *
 * A chain holds independent replicas of one model with global numbers 0..total-1; a rank holds the contiguous ones
 * first..first+n-1. Random numbers depend on (seed, name, replica, sweep) only, hence every replica has the same bits
 * however replicas are dealt to ranks and threads, and after a restart (as chain.h, whose deck keys serve here too).
 *
 *   kind    models          a sweep
 *   local   all             every plaquette without weight, every column, every row, and closed walks: all sectors
 *   loop    no field        every weighted plaquette broken up, every loop turned over with chance 1/2
 *
 * All functions are local. Threads: sweeps and worldline_measure_all share the replicas among OpenMP threads (as many
 * as omp_get_max_threads() said in worldline_new); do not call two functions on one chain at the same time. */
#ifndef SAMPLERS_WORLDLINE_H
#define SAMPLERS_WORLDLINE_H

#include "lattice/trotter.h"
#include "samplers/chain.h"

typedef struct worldline worldline;

/* What a member may have measured better than on the configuration itself: averages over the signs of its loops. */
enum { WORLDLINE_M2, WORLDLINE_MST2, WORLDLINE_NIMPROVED }; /* M^2, staggered M^2 */

/* A member of the family. init checks nothing: applies has been called. */
typedef struct worldline_type {
  deck_kind kind;                           /* first member                                                    */
  const char *tag;                          /* short name for results: "e.<tag>"                               */
  bool improved;                            /* sweeps leave improved estimators of the configuration they made */
  int (*applies)(const trotter *t, err *e); /* 0, or ERR_DECK with the reason         */
  int (*init)(worldline *c, err *e);        /* makes c->self, sets c->work_bytes      */
  void (*done)(worldline *c);               /* frees c->self; it may be half made or NULL */
  void (*sweep)(const worldline *c, int replica, uint32_t step, void *work);
} worldline_type;
extern const deck_kind *const worldline_types[]; /* loop, local, NULL */

struct worldline { /* read by the members; others use the functions below */
  const worldline_type *type;
  const trotter *t; /* not owned: must outlive the chain              */
  char name[32], item_name[3][48];
  int first, n, total; /* replicas                                       */
  rng stream;
  int64_t sweeps; /* state: sweeps done by every replica            */
  int8_t *spins;  /* state: (n, t->n)                               */
  double *better; /* state: (n, WORLDLINE_NIMPROVED)                */
  size_t work_bytes;
  int threads;
  char *work; /* (threads, work_bytes), aligned to 64           */
  void *self; /* tables of the member                           */
};

typedef struct worldline_setup {
  const char *name;    /* as in chain_setup; NULL: "chain" */
  int first, n, total; /* replicas here and in all         */
  uint32_t seed;
  chain_start start; /* cold: all up; hot: straight world lines with independent signs; random: of each replica all up,
                        all down, alternating or hot by chance */
} worldline_setup;

/* ERR_DECK where the member does not suit the model; ERR_RUN without memory. */
int worldline_new(worldline **out, const worldline_type *type, const trotter *t, worldline_setup setup, err *e);
void worldline_free(worldline *c); /* NULL allowed */

/* The chain of a deck section with keys chain_keys on this rank; the section is its name. A rank left without replicas
 * gets a chain of none, which does nothing. */
int worldline_from_deck(worldline **out, chain_plan *plan, const deck *d, const char *section, const trotter *t,
                        const comm *ranks, uint32_t seed, err *e);
/* The same of section `chain` as anonymous replicas, so many, under another name. */
int worldline_replicas(replica_set *out, const deck *d, const char *name, int total, const trotter *t,
                       const comm *ranks, uint32_t seed, err *e);
/* Without work: ERR_DECK where the chain of a section does not apply to the model or would measure nothing. */
int worldline_check(const deck *d, const char *section, const trotter *t, err *e);

void worldline_advance(worldline *c, long n); /* n sweeps of all replicas */

/* Replica 0..n-1 of this rank. */
void worldline_measure(const worldline *c, int replica, double obs[TROTTER_NOBS]);
void worldline_measure_all(worldline *c, double (*obs)[TROTTER_NOBS]);                        /* (n) rows */
void worldline_improved(const worldline *c, int replica, double better[WORLDLINE_NIMPROVED]); /* NaN: there is none */
int8_t *worldline_spins(const worldline *c, int replica); /* (t->n); writing an allowed configuration sets it */

/* Its whole state as items for run_own: returns their number. Bit-identical continuation after a copy. */
enum { WORLDLINE_ITEMS = 3 };
int worldline_items(const worldline *c, run_item items[WORLDLINE_ITEMS]);

#endif
