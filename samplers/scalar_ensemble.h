/* scalar_ensemble.h: many chains of scalar fields over a parameter scan, from start to stored configurations and
 * results. Chain k = point * replicas + replica. Layout `chains`: whole lattices, dealt to ranks and threads in
 * contiguous ranges; `slabs`: every lattice divided among the ranks, one chain after the other. Both have the same
 * bits, on any number of ranks and threads. All functions are collective unless marked local. */
#ifndef SAMPLERS_SCALAR_ENSEMBLE_H
#define SAMPLERS_SCALAR_ENSEMBLE_H

#include "base/run.h"
#include "samplers/scalar_points.h"

enum { SCALAR_CHAINS, SCALAR_SLABS };

typedef struct scalar_plan { /* section chain */
  long steps, thermalisation, every, replicas;
  int start, layout;
} scalar_plan;
typedef struct scalar_storage { /* section ensemble */
  long configurations;          /* measurements from one stored configuration to the next; 0: none */
  int precision;                /* 0: float, 1: double */
  double segment_MB;
} scalar_storage;
extern const deck_key scalar_plan_keys[], scalar_storage_keys[];

/* Columns of a measurement; sums over the lattice divided by its sites, then 2 (side[0]/2 + 1) correlators G(t). */
enum {
  SCALAR_COL_M,
  SCALAR_COL_MS,
  SCALAR_COL_PHI2,
  SCALAR_COL_PHI4,
  SCALAR_COL_LINK, /* T / (d V) */
  SCALAR_COL_BOX,
  SCALAR_COL_CBOX,
  SCALAR_COL_BOX2,
  SCALAR_COL_CBOX2,
  SCALAR_COL_CONDENSATE, /* N_f tr D^-1 / V, NaN without fermions */
  SCALAR_COL_SCORE,      /* N_f tr (D^-1 phi) / V */
  SCALAR_COLS
};

typedef struct scalar_ensemble {
  run *r;
  const scalar_points *points;
  scalar_grid *g;
  scalar_plan plan;
  scalar_storage storage;
  int chains, first, n; /* all; those with a field here: first..first+n-1 */
  scalar_chain *chain;  /* (n) */
  scalar_mover **mover; /* (movers): one per thread, one with slabs */
  int movers;
  err *fault;     /* (movers) */
  double **field; /* slabs: (n) */
  double *block;  /* chains: (n, stride) and room before and behind */
  size_t stride;
  int columns;
  long length;      /* measurements a chain will make */
  long batch;       /* configurations of a chain in a segment */
  char (*name)[32]; /* of owned fields */
  /* state */
  int64_t thermalised, measured; /* steps, measurements done by every chain */
  double *states;                /* (n, SCALAR_NSTATE) */
  double *series;                /* (n, length, columns) */
  char *kept;                    /* chains: (n, batch, sites) configurations of the segment that is being filled */
} scalar_ensemble;

/* The deck's chains: started, or where a checkpoint left them. points must outlive it. */
int scalar_ensemble_new(scalar_ensemble **out, run *r, const scalar_points *points, err *e);
void scalar_ensemble_free(scalar_ensemble *s); /* NULL allowed */
/* Thermalise, measure, store; returns early where the run must stop. */
int scalar_ensemble_run(scalar_ensemble *s, err *e);
/* Local: the deck alone, without work. */
int scalar_ensemble_check(const deck *d, const scalar_points *points, err *e);
/* Local: what it will take, into the log. */
void scalar_ensemble_log(run *r, const scalar_points *points);

/* ---- configurations (scalar_segment.c) ----
 * configurations-0000.h5, ...: /configurations (chains, batch, sides), /observables (chains, batch, columns), the names
 * of these /columns (a text), /kappa (chains), /measurement (batch). run.h5 links them as /ensemble/segment-0000. */
int scalar_segment_keep(scalar_ensemble *s, err *e);  /* after each measurement: copies, and writes a full segment */
int scalar_segment_close(scalar_ensemble *s, err *e); /* the last segment, not full */
int scalar_segment_links(h5 *f, const void *self, err *e); /* for run_writer */
long scalar_segment_batch(const scalar_storage *c, int layout, int chains, long sites, long total);

/* ---- results (scalar_results.c) ---- */
enum { /* with errors by the Gamma method */
       SCALAR_RES_M,
       SCALAR_RES_M_ABS,
       SCALAR_RES_MS_ABS,
       SCALAR_RES_CHI,
       SCALAR_RES_CHIS,
       SCALAR_RES_U4,
       SCALAR_RES_U4S,
       SCALAR_RES_PHI2,
       SCALAR_RES_PHI4,
       SCALAR_RES_LINK,
       SCALAR_RES_M2,
       SCALAR_RES_FISHER,
       SCALAR_RES_BOX,
       SCALAR_RES_CBOX,
       SCALAR_RES_BOX2,
       SCALAR_RES_CBOX2,
       SCALAR_RES_CONDENSATE,
       SCALAR_RES_SCORE,
       SCALAR_NRES
};
typedef struct scalar_table { /* rank 0: (points) each; NULL elsewhere */
  int n;
  const scalar_points *points;
  double *kappa, *value[SCALAR_NRES], *error[SCALAR_NRES], *exact[SCALAR_NRES], *tau[SCALAR_NRES];
} scalar_table;
int scalar_results(scalar_ensemble *s, scalar_table *t, err *e); /* hands them to the run */
void scalar_table_free(scalar_table *t);

#endif
