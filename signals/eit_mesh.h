/* eit_mesh.h: finite-element meshes for electrical impedance tomography: star-shaped bodies in the plane, cylinders
 * over them, and files of Gmsh. Electrodes are unions of whole boundary faces. Lengths in m, angles in rad. Local,
 * serial. */
#ifndef SIGNALS_EIT_MESH_H
#define SIGNALS_EIT_MESH_H

#include <stddef.h>

#include "base/err.h"

typedef struct eit_mesh {
  int dim, order; /* 2 or 3; polynomial degree 1 or 2 (2 only in the plane) */
  int nnodes, nelems, nfaces, nelectrodes;
  int elem_size, face_size; /* nodes of an element (3 or 6; 4) and of a face (2 or 3; 3) */
  double *x;                /* (nnodes, dim) */
  int *elem;                /* (nelems, elem_size): corners, anticlockwise, then the middles of edges 01, 12, 20 */
  int *region;              /* (nelems): tag from a file, 0 from the mesher */
  int *face;                /* (nfaces, face_size): faces under electrodes; ends, then middle */
  int *face_electrode;      /* (nfaces): 0 .. nelectrodes-1 */
} eit_mesh;

/* r(phi) = radius (1 + sum_{k=1..n} a_k cos k phi + b_k sin k phi), positive everywhere. Not owned. */
typedef struct eit_outline {
  double radius;
  int n;
  const double *a, *b; /* (n) or NULL for 0 */
} eit_outline;
double eit_outline_radius(const eit_outline *o, double phi);

typedef struct eit_electrode { /* the boundary seen from the origin under angle - half .. angle + half */
  double angle, half;
  double h_edge, slope; /* of the mesh at its ends; 0: those of the whole mesh */
} eit_electrode;

/* n electrodes of one width (arc length), their middles equally spaced along the outline, the first at angle `first`.
 */
void eit_belt(const eit_outline *o, int n, double width, double first, eit_electrode *out);

typedef struct eit_mesh_spec {
  eit_outline outline;
  int nelectrodes;
  const eit_electrode *electrode; /* (nelectrodes) apart from each other, in ascending order of angle */
  double h;                       /* size of elements inside */
  double h_edge;                  /* size at the ends of electrodes, where the current density is steep */
  double slope;                   /* how fast the size grows away from these ends (eit_mesh_new.c); 0 stands for .3 */
  int refine;                     /* uniform refinements afterwards, each halves all edges */
  int order;                      /* 1 or 2; 0 stands for 1. Of degree 2 all elements are curved with the outline */
} eit_mesh_spec;

/* A mesh of the inside of the outline; the middle of each electrode is a node. Caller frees. ERR_RUN: outline not
 * positive, sizes not positive, electrodes touching, no memory. */
int eit_mesh_new(eit_mesh **m, const eit_mesh_spec *s, err *e);

/* The cylinder 0 <= z <= height over a plane mesh of degree 1: tetrahedra. The electrodes reach from z0 to z1. h is the
 * size along z, h_edge that at z0 and z1 where they are inside. */
int eit_mesh_extrude(eit_mesh **m, const eit_mesh *flat, double height, double z0, double z1, double h, double h_edge,
                     err *e);

/* .msh of version 2.2 or 4.1, ASCII or binary, with triangles (3 or 6 nodes; z is ignored) or tetrahedra (4).
 * Electrodes are the physical groups of dimension dim - 1 in ascending order of tag, if any has a name beginning with
 * "electrode" only those; regions are the physical groups of the elements. Unused nodes are left out. ERR_FILE with
 * line and reason. */
int eit_mesh_read(eit_mesh **m, const char *path, err *e);
int eit_mesh_parse(eit_mesh **m, const char *name, const char *text, size_t n, err *e); /* text[n] = 0 */

void eit_mesh_free(eit_mesh *m);

/* Area or volume of an element from its corners, in m^dim; centre of its corners. */
double eit_mesh_measure(const eit_mesh *m, int element);
void eit_mesh_centre(const eit_mesh *m, int element, double *x); /* x (dim) */

/* For the files that make meshes: arrays of the given sizes, regions 0; NULL on failure, with the message. */
eit_mesh *eit_mesh_room(int dim, int order, int nnodes, int nelems, int nfaces, int nelectrodes, err *e);

#endif
