/* chain.h: Markov chains of Ising models, weight exp(-beta H) with the beta of the model (lattice/ising.h).
 *
 * A chain holds independent replicas of one model. Replicas carry global numbers 0..total-1; a rank holds the
 * contiguous ones first..first+n-1. Random numbers depend on (seed, name, replica, sweep) only, hence every replica has
 * the same bits however replicas are dealt to ranks and threads, and after a restart. Members of the family update
 * `unit` replicas together (512 for multispin, else 1): `first` must be a multiple of it, and first+n too unless it is
 * `total`.
 *
 *   kind            models                                              a sweep                            state per
 * replica metropolis      all                                                 N proposals in a fixed order       N
 * bytes multispin       square torus, even sides, equal |J|, no field       the same, 512 replicas at a time   N bits
 *   heatbath        all                                                 N draws from the conditional       N bytes
 *   wolff           no field (slow where frustrated)                    a fixed number of clusters         N bytes
 *   swendsen-wang   no field                                            all clusters                       N bytes
 *
 * Metropolis and multispin leave a site alone with chance 1/16: with a fixed order of sites the textbook rule is not
 * ergodic (see chain_metropolis.c).
 *
 * All functions are local. Threads: sweeps and chain_measure_all share the units among OpenMP threads (as many as
 * omp_get_max_threads() said in chain_new); do not call two functions on one chain at the same time. */
#ifndef SAMPLERS_CHAIN_H
#define SAMPLERS_CHAIN_H

#include "base/comm.h"
#include "base/deck.h"
#include "base/rng.h"
#include "base/run.h"
#include "lattice/ising.h"
#include "samplers/replicas.h"

typedef struct chain chain;

typedef enum chain_start {
  CHAIN_COLD,  /* all spins up                                                                    */
  CHAIN_HOT,   /* independent spins                                                               */
  CHAIN_RANDOM /* each replica ordered (up or down) or disordered by chance: brackets equilibrium */
} chain_start;

/* What a member may have measured better than on the configuration itself: estimators averaged over cluster signs. */
enum { CHAIN_M2, CHAIN_M4, CHAIN_SK, CHAIN_NIMPROVED }; /* M^2, M^4, structure factor (normalised as ISING_SK) */

/* A member of the family. init checks nothing: applies has been called. Replicas are counted from c->first, units too.
 */
typedef struct chain_type {
  deck_kind kind;   /* first member                                                                   */
  const char *tag;  /* short name for results: "m_abs.<tag>"                                          */
  size_t conf_size; /* of the struct that kind.keys fill; 0: no keys                                  */
  int unit;         /* replicas updated together                                                      */
  int nextra;       /* doubles of state per unit besides the spins                                    */
  bool improved;    /* the first CHAIN_NIMPROVED of them are improved estimators of the last sweep    */
  int (*applies)(const ising *m, err *e);          /* 0, or ERR_DECK with the reason                  */
  int (*init)(chain *c, const void *conf, err *e); /* makes c->self, sets c->work_bytes               */
  void (*done)(chain *c);                          /* frees c->self; it may be half made or NULL      */
  void (*sweep)(chain *c, int unit, uint32_t step, int flags, void *work);
  void (*get)(const chain *c, int replica, int8_t *s); /* (n) spins of a replica out of c->spins      */
  void (*put)(chain *c, int replica, const int8_t *s);
  void (*measure)(const chain *c, int unit, void *work, double (*obs)[ISING_NOBS]); /* (unit) rows; NULL: through get */
} chain_type;
enum { CHAIN_LAST = 1, CHAIN_THERMALISE = 2 }; /* flags: measured after this sweep; parameters may still be tuned */

extern const deck_kind *const chain_types[]; /* metropolis, multispin, heatbath, wolff, swendsen-wang, NULL */

struct chain { /* read by the members; others use the functions below */
  const chain_type *type;
  const ising *m; /* not owned: must outlive the chain                    */
  char name[32], item_name[3][48];
  int first, n, total;   /* replicas                                      */
  int unit_first, units; /* the same in units                             */
  rng stream;
  int64_t sweeps; /* state: sweeps done by every replica           */
  int8_t *spins;  /* state: (units, unit * N) bytes, see table     */
  double *extra;  /* state: (units, nextra)                        */
  size_t unit_bytes, work_bytes;
  int threads;
  char *work; /* (threads, work_bytes), aligned to 64          */
  void *self; /* tables of the member                          */
};

typedef struct chain_setup {
  const char
      *name; /* of its random stream and checkpoint items; NULL: "chain". Shorter than 32; two chains of a run differ */
  int first, n, total; /* replicas here and in all                                            */
  uint32_t seed;
  chain_start start;
  const void *conf; /* struct of the member's keys; NULL: the defaults of the member       */
} chain_setup;

/* ERR_DECK where the member does not suit the model or the replicas do not fill units; ERR_RUN without memory. */
int chain_new(chain **out, const chain_type *type, const ising *m, chain_setup setup, err *e);
void chain_free(chain *c); /* NULL allowed */

/* Keys of section `chain` (or another name) whatever the kind; the app obeys sweeps, thermalisation and every. */
typedef struct chain_plan {
  long sweeps, thermalisation, every, replicas;
  int start;
} chain_plan;
extern const deck_key chain_keys[];
/* The chain of a deck section on this rank: replicas dealt to ranks in units. The section is its name. A rank left
 * without replicas gets a chain of none, which does nothing. */
int chain_from_deck(chain **out, chain_plan *plan, const deck *d, const char *section, const ising *m,
                    const comm *ranks, uint32_t seed, err *e);
/* The same of section `chain` as anonymous replicas, so many, under another name. */
int chain_replicas(replica_set *out, const deck *d, const char *name, int total, const ising *m, const comm *ranks,
                   uint32_t seed, err *e);
/* Local, without work: ERR_DECK where the chain of a section does not apply to the model or would measure nothing. */
int chain_check(const deck *d, const char *section, const ising *m, err *e);

/* One sweep of all replicas; n sweeps. Improved estimators are those after the last. */
void chain_sweep(chain *c);
void chain_advance(chain *c, long n);
/* n sweeps in which Wolff also settles its clusters per sweep (each replica for itself: about N flipped spins); the
 * second half runs with the settled number. Without it Wolff flips one cluster per sweep or as many as its key says. */
void chain_thermalise(chain *c, long n);
/* The next n of the chain's first `total` sweeps, which are to thermalise it: the same bits in any portions. */
void chain_thermalise_part(chain *c, long n, long total);

/* Replica 0..n-1 of this rank. */
void chain_measure(chain *c, int replica, double obs[ISING_NOBS]);
void chain_measure_all(chain *c, double (*obs)[ISING_NOBS]);                      /* (n) rows */
void chain_improved(const chain *c, int replica, double better[CHAIN_NIMPROVED]); /* NaN where there is none */
void chain_spins(const chain *c, int replica, int8_t *s);                         /* (N) */
void chain_set_spins(chain *c, int replica, const int8_t *s);
double chain_work(const chain *c, int replica); /* spins updated so far per site: sweeps, but for Wolff the flips / N */

/* Its whole state as items for run_own: returns their number (at most 3). Bit-identical continuation after a copy. */
int chain_items(const chain *c, run_item items[3]);

#endif
