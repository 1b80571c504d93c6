/* eit_raster.h: pixels over a plane mesh, and neighbourhoods of elements or pixels. Local. */
#ifndef SIGNALS_EIT_RASTER_H
#define SIGNALS_EIT_RASTER_H

#include "signals/eit_mesh.h"

/* rows x cols pixels over the rectangle x0..x1, y0..y1; row 0 is at y1 (the top). The pixels whose centres'
 * surroundings lie in the mesh by half are numbered row by row. Two sparse maps: `average` (pixel <- elements, weights
 * sum to 1) draws a field of the elements; `basis` (element <- pixels, weights sum to 1) makes pixels the parameters of
 * a model. */
typedef struct eit_raster {
  int rows, cols, n; /* n pixels inside */
  double x0, x1, y0, y1;
  int *pixel;        /* (rows cols): number or -1 */
  int *place;        /* (n): row cols + col */
  int *start, *elem; /* average: pixel p has entries start[p]..start[p+1]-1 */
  double *weight;
  int nelems, *from, *to; /* basis: element k has entries from[k]..from[k+1]-1 */
  double *share;
} eit_raster;

/* ERR_RUN: not a plane mesh, no pixel inside, no memory. */
int eit_raster_new(eit_raster **r, const eit_mesh *m, int rows, int cols, double x0, double x1, double y0, double y1,
                   err *e);
/* Over the square that just holds the mesh. */
int eit_raster_square(eit_raster **r, const eit_mesh *m, int size, err *e);
void eit_raster_free(eit_raster *r);

void eit_raster_draw(const eit_raster *r, const double *field, double *pixel);   /* (nelems) -> (n): average */
void eit_raster_spread(const eit_raster *r, const double *pixel, double *field); /* (n) -> (nelems): basis */
/* jp (n, ndata) = derivatives by pixels from jt (nelems, ndata) by elements: the transpose of spread. */
void eit_raster_jacobian(const eit_raster *r, int ndata, const double *jt, double *jp);
/* (n) -> (rows cols), `outside` elsewhere */
void eit_raster_image(const eit_raster *r, const double *pixel, double outside, double *image);
void eit_raster_centre(const eit_raster *r, int p, double x[2]);

/* Cells and the sides they share. */
typedef struct eit_graph {
  int n, nsides;
  int (*side)[2];
  double *length;    /* (nsides) of the shared side: m, for pixels in units of their width */
  int sides;         /* of a cell, the outer ones included */
  int *first, *next; /* neighbours of cell i: next[first[i]..first[i+1]-1] */
} eit_graph;
int eit_graph_of_mesh(eit_graph **g, const eit_mesh *m, err *e); /* sides of triangles; length is the area in space */
int eit_graph_of_raster(eit_graph **g, const eit_raster *r, err *e);
void eit_graph_free(eit_graph *g);

#endif
