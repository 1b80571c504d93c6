/* yukawa_data.h: what apps yukawa-train and yukawa-explain share: ensembles of app yukawa-generate in memory, samples
 * of them for a network, and the stored form of a network that regresses kappa. All local: every rank that calls reads.
 */
#ifndef APPS_YUKAWA_DATA_H
#define APPS_YUKAWA_DATA_H

#include "base/run.h"
#include "nn/dataset.h"
#include "nn/graph.h"
#include "nn/nets.h"
#include "samplers/scalar_ensemble.h"

enum { YUKAWA_SIDE = 256, YUKAWA_INPUTS = 3 + YUKAWA_SIDE / 2 }; /* longest side; most standard observables */

/* ---- ensembles (yukawa_data.c) ----
 * Configuration i = chain * per + number: chains in the order of the run, configurations in the order of the chain. */
typedef struct yukawa_data {
  int d, side[SCALAR_DIM];
  scalar_model model; /* of the first point: lambda, coupling, mass; kappa differs from chain to chain */
  long chains, per, n, sites;
  int columns;
  float *field;        // (n, sites), NULL where not wanted
  double *observable;  // (n, columns), see SCALAR_COL_*
  double *kappa;       // (chains)
} yukawa_data;
/* path: the folder of a run, or its run.h5. fields: also the configurations. ERR_FILE: nothing there, nothing stored,
 * more than 3 dimensions, sides beyond YUKAWA_SIDE; ERR_RUN: it takes more than `memory` bytes. */
int yukawa_data_open(yukawa_data *y, const char *path, bool fields, double memory, err *e);
void yukawa_data_close(yukawa_data *y);
double yukawa_data_bytes(const yukawa_data *y);
/* Both of the same lattice, lambda, coupling and mass? ERR_FILE names what differs. */
int yukawa_data_same(const yukawa_data *a, const char *path_a, const yukawa_data *b, const char *path_b, err *e);
double yukawa_links(const yukawa_data *y, long i); /* T = sum of all links of configuration i, sufficient for kappa */

/* ---- samples (yukawa_samples.c) ---- */
#define YUKAWA_WHAT "fields|observables|local"
enum { YUKAWA_FIELDS, YUKAWA_OBSERVABLES, YUKAWA_LOCAL };
enum { YUKAWA_ALL, YUKAWA_TRAIN, YUKAWA_VALID };

/* From numbers to inputs, (x - mean) / sd, and from an output z of the network to kappa^ = target_mean + target_sd z.
 *   fields        one channel phi_n on the lattice, mean 0 and sd 1: filters act on phi itself
 *   observables   |m|, |m_s|, G_c(t) = G(t) - m^2 for t = 0 .. side[0]/2
 *   local         |m|, |m_s|, <phi^2>, mean |box|, mean |staggered box|
 * The link energy is no input: it is sufficient. */
typedef struct yukawa_standard {
  int what, inputs; /* observables, local: numbers; fields: 1 */
  double mean[YUKAWA_INPUTS], sd[YUKAWA_INPUTS];
  double target_mean, target_sd;
} yukawa_standard;
const char *yukawa_input_name(const yukawa_standard *s, int k, char name[16]);

/* An element of the group of the lattice and of phi -> -phi: it takes phi to sign * phi(site), where coordinate axis[k]
 * of `site` is shift[k] + n_k or, flipped, shift[k] - n_k. Only axes of equal sides are exchanged. (The staggered sign
 * is no member: it takes kappa to -kappa.) */
typedef struct yukawa_symmetry {
  int axis[3], shift[3], sign;
  bool flip[3];
} yukawa_symmetry;
/* A pure function of (r, index, pass), uniform over the group. */
yukawa_symmetry yukawa_symmetry_draw(const yukawa_data *y, rng r, uint64_t index, uint32_t pass);
/* x (numbers of the input) of configuration i, number k at to[k * stride]; g: fields only, NULL: as they are. */
void yukawa_input(const yukawa_data *y, const yukawa_standard *s, long i, const yukawa_symmetry *g, nn_real *to,
                  size_t stride);

typedef struct yukawa_samples {
  const yukawa_data *y;
  const yukawa_standard *s;
  long *index;           // (set.count) configurations
  const double *weight;  // (chains) of each sample in the loss, or NULL: 1
  nn_dataset set;        /* ctx: this; one target per sample, (kappa - target_mean) / target_sd */
} yukawa_samples;
/* Whole chains go to one side: a share `valid` of them, evenly spread over the run, validates. Training samples of
 * fields are taken to random images by the symmetries where augment. Data and standard (its `what` set, the rest before
 * the first fetch) must outlive the samples. ERR_DECK: no chain on one side. */
int yukawa_samples_new(yukawa_samples *w, const yukawa_data *y, const yukawa_standard *s, int part, double valid,
                       bool augment, err *e);
void yukawa_samples_free(yukawa_samples *w);
/* Everything but `what`, from the training samples. */
void yukawa_standard_fit(yukawa_standard *s, const yukawa_samples *train);
nn_net_task yukawa_task(const yukawa_data *y, const yukawa_standard *s, int outputs);

/* ---- a trained network (yukawa_model.c) ----
 * In run.h5: /model as in nn/store.h and /model/standard. */
typedef struct yukawa_model {
  yukawa_standard standard;
  int d, side[SCALAR_DIM];
  nn_graph *g;
  nn_real *theta, *state;
} yukawa_model;
/* The network of a run of app yukawa-train (folder or run.h5), built from its deck. want_grad: gradients of the input
 * will be asked for. ERR_FILE. */
int yukawa_model_open(yukawa_model *m, const char *path, bool want_grad, err *e);
void yukawa_model_close(yukawa_model *m);
int yukawa_model_write(h5 *f, const void *model, err *e); /* for run_writer */

#endif
