/* scalar_chain.h: Markov chains of the scalar field with or without staggered fermions, weight
 *   |det D[phi]|^N_f exp(-S[phi])      (lattice/scalar.h, lattice/staggered.h; N_f = 2 where coupling or mass is set).
 *
 * A chain is a configuration, its number and a few counters; a *mover* has the room and tables that updates need, for
 * one chain at a time: one per thread. Random numbers are functions of (seed, number of the chain, step, site), so a
 * chain has the same bits on any thread or rank, in slabs or whole, and after a restart.
 *
 *   kind         fermions   slabs   a step is
 *   hmc          yes        yes     a trajectory (slabs: without the exact determinant)
 *   metropolis   no         yes     checkerboard sweeps
 *   wolff        no         no      Metropolis sweeps and clusters of signs (Brower and Tamayo, PRL 62 (1989) 1087)
 *
 * Functions are local where the grid is whole, else collective. */
#ifndef SAMPLERS_SCALAR_CHAIN_H
#define SAMPLERS_SCALAR_CHAIN_H

#include "base/deck.h"
#include "base/rng.h"
#include "lattice/staggered.h"

typedef struct scalar_model { /* the weight of a chain */
  scalar_action action;
  bool fermions;
  double mass, coupling; /* M, g */
} scalar_model;

enum {                  /* state of a chain besides the field */
       SCALAR_STEPS,    /* updates done                                                           */
       SCALAR_TUNED,    /* what thermalisation tunes: ln of steps a trajectory, or width of a proposal; 0: not begun */
       SCALAR_CLUSTERS, /* wolff: clusters per step; 0: not settled                               */
       SCALAR_TRIED,    /* since thermalisation: proposals (hmc: trajectories),                   */
       SCALAR_ACCEPTED, /* those accepted,                                                        */
       SCALAR_DH,       /* and for hmc sums of dH,                                                */
       SCALAR_DH2,      /* dH^2,                                                                  */
       SCALAR_EXP,      /* exp(-dH),                                                              */
       SCALAR_EXP2,     /* exp(-2 dH),                                                            */
       SCALAR_CG,       /* iterations of the solver                                               */
       SCALAR_NSTATE
};

typedef struct scalar_chain {
  scalar_model m;
  uint32_t number; /* among all chains of the run */
  double *phi;     /* field; its planes beyond are valid between steps; not owned */
  double state[SCALAR_NSTATE];
} scalar_chain;

typedef struct scalar_mover scalar_mover;

typedef struct scalar_update {          /* a member of the family */
  deck_kind kind;                       /* first member */
  size_t conf_size;                     /* of the struct that its keys fill */
  int (*init)(scalar_mover *w, err *e); /* checks w->conf against grid and model, makes w->self */
  void (*done)(scalar_mover *w);        /* frees w->self; it may be half made or NULL */
  int (*step)(scalar_mover *w, scalar_chain *c, bool thermalise, err *e);
  /* Estimates of N_f tr D^-1 and N_f tr (D^-1 phi); NULL: no fermions. */
  int (*traces)(scalar_mover *w, scalar_chain *c, double trace[2], err *e);
} scalar_update;
extern const deck_kind *const scalar_updates[]; /* hmc, metropolis, wolff, NULL */

struct scalar_mover {
  const scalar_update *type;
  const scalar_grid *g; /* not owned */
  bool fermions;        /* of all chains it will move */
  rng stream, decide;   /* numbers of sites, numbers of chains */
  _Alignas(16) char conf[256];
  void *self;
};

/* conf: the struct of the member's keys; fermions: of the chains to come. ERR_DECK where the member does not suit. */
int scalar_mover_new(scalar_mover **out, const scalar_update *type, const void *conf, const scalar_grid *g,
                     bool fermions, uint32_t seed, err *e);
/* The member and keys of a deck's section `update`. */
int scalar_mover_from_deck(scalar_mover **out, const deck *d, const scalar_grid *g, bool fermions, uint32_t seed,
                           err *e);
void scalar_mover_free(scalar_mover *w); /* NULL allowed */

typedef enum { SCALAR_COLD, SCALAR_HOT, SCALAR_RANDOM } scalar_start;
#define SCALAR_START_WORDS \
  "cold|hot|random" /* all 1; independent normals; each chain one of cold, -cold, hot by chance */
void scalar_chain_start(const scalar_mover *w, scalar_chain *c, scalar_start how);
/* One update; while thermalising it may tune itself and counts nothing. ERR_RUN where the solver does not converge. */
int scalar_step(scalar_mover *w, scalar_chain *c, bool thermalise, err *e);

/* Index of a site (counted over the lattice) or of anything else below 2^32 in the random numbers of a chain. */
static inline uint64_t scalar_index(const scalar_chain *c, uint64_t site) {
  return (uint64_t)c->number << 32 | site;
}

#endif
