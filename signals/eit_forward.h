/* eit_forward.h: voltages of electrodes on a body of given conductivity, and their derivatives. Units: S/m, V, A, m; in
 * the plane currents are per unit height (A/m) and the contact impedance is in Ohm m, in space in Ohm m^2. Local,
 * serial; several may run at once in different threads. */
#ifndef SIGNALS_EIT_FORWARD_H
#define SIGNALS_EIT_FORWARD_H

#include "signals/eit_mesh.h"
#include "signals/eit_protocol.h"

typedef enum eit_electrode_model {
  EIT_COMPLETE, /* contact impedance under each electrode */
  EIT_GAP,      /* constant current density, the voltage is the average under the electrode */
  EIT_SHUNT,    /* perfect contact: one potential under each electrode */
  EIT_POINT     /* the node nearest to the middle of the electrode */
} eit_electrode_model;

typedef struct eit_forward eit_forward;

/* Orders and analyses the system. Mesh and protocol must outlive it. ERR_RUN: an electrode without faces, numbers of
 * electrodes that differ, an element turned inside out, no memory. */
int eit_forward_new(eit_forward **f, const eit_mesh *m, const eit_protocol *p, eit_electrode_model model, err *e);
void eit_forward_free(eit_forward *f);

/* v (ndata) for conductivities sigma (nelems) and contact impedances z (nelectrodes; used by EIT_COMPLETE alone, may be
 * NULL for others). v may be NULL. Allocates nothing. ERR_RUN: sigma or z not positive and finite. */
int eit_forward_solve(eit_forward *f, const double *sigma, const double *z, double *v, err *e);

/* What the last solve leaves behind: */
/* potentials of the electrodes, (nelectrodes) in V with sum 0, for a drive; */
void eit_forward_electrodes(const eit_forward *f, int drive, double *U);
/* currents through the electrodes found from the potentials, (nelectrodes) in A; EIT_COMPLETE only; */
void eit_forward_currents(const eit_forward *f, int drive, double *current);
/* the potential at the nodes, (nnodes) in V, in the same gauge as eit_forward_electrodes. */
void eit_forward_nodes(const eit_forward *f, int drive, double *u);

/* jt (nelems, ndata): derivative of each datum by the conductivity of each element; jz (nelectrodes, ndata) by contact
 * impedances, NULL if unwanted (EIT_COMPLETE only). By the adjoint fields of the last solve, which has to have
 * succeeded.
 */
int eit_forward_jacobian(eit_forward *f, double *jt, double *jz, err *e);

long eit_forward_fill(const eit_forward *f); /* numbers in the factor of the system */

#endif
