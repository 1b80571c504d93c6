/* ising.h: Ising models on any graph:  H(s) = - sum_bonds J_b s_i s_j - sum_i h_i s_i,  s = +-1, weight exp(-beta H).
 * The family `lattice_models` feeds section `model`: ferromagnet, antiferromagnet, plus_minus (+-J), gaussian
 * (Edwards-Anderson, or SK on the complete graph: J ~ N(0, 1/n)), hopfield (patterns on the complete graph), graph
 * (couplings of the graph file), all with a uniform field. Random couplings are functions of the deck key `disorder`
 * and the number of the bond alone, whatever the seed of the run. All functions are local. */
#ifndef LATTICE_ISING_H
#define LATTICE_ISING_H

#include <stdint.h>

#include "lattice/geometry.h"

typedef struct ising {
  const lattice *lat; /* not owned: must outlive the model */
  const char *name;
  double beta;    /* inverse temperature of the deck (J = k_B = 1)               */
  double *J;      /* (nbonds)                                                    */
  double *h;      /* (n) or NULL where the field is zero everywhere              */
  double uniform; /* J if all couplings are equal (+1, -1 ...), else 0           */
  double *wave;   /* (2, rows + cols): cos and sin of k_min times row, then of k_min times column; NULL without rows */
} ising;

typedef struct lattice_model {
  deck_kind kind;                                   /* first member */
  int (*build)(ising *m, const void *conf, err *e); /* fills J[nbonds] */
  size_t conf_size;
} lattice_model;
extern const deck_kind *const lattice_models[];
extern const deck_key lattice_model_keys[]; /* keys of every model: beta, field */

int ising_from_deck(ising **out, const lattice *l, const deck *d, err *e);
int ising_uniform(ising **out, const lattice *l, double J, double h, double beta, err *e);
/* Any couplings J[nbonds] and fields h[n] (NULL: none); both are copied. */
int ising_couplings(ising **out, const lattice *l, const double *J, const double *h, double beta, err *e);
void ising_free(ising *m);

double ising_energy(const ising *m, const int8_t *s);       /* (n) spins +-1 -> H(s)     */
double ising_local(const ising *m, const int8_t *s, int i); /* sum_j J_ij s_j + h_i      */
int ising_mag(const ising *m, const int8_t *s);             /* sum_i s_i                 */

/* What every sampler, neural or not, measures on one configuration. */
enum {
  ISING_E,  /* energy H */
  ISING_M,  /* sum of spins */
  ISING_SK, /* structure factor |sum_r s_r exp(i k r)|^2, mean over k = (2 pi/rows, 0) and (0, 2 pi/cols); at k = 0 the
               same is M^2. 0 where the lattice has no rows and columns */
  ISING_NOBS
};
void ising_measure(const ising *m, const int8_t *s, double obs[ISING_NOBS]);

#endif
