/* eit_element.h: matrices of single elements and of faces under electrodes. Local. */
#ifndef SIGNALS_EIT_ELEMENT_H
#define SIGNALS_EIT_ELEMENT_H

#include "signals/eit_mesh.h"

/* int_e grad phi_i . grad phi_j, lower half by rows: 00, 10, 11, 20, ... k (elem_size (elem_size + 1)/2). Returns 0, or
 * -1 where the element is turned inside out. */
int eit_element_stiffness(const eit_mesh *m, int element, double *k);

/* int_f w_i w_j over a face, w = the face_size shape functions, then -1 (the electrode), lower half by rows. */
void eit_element_contact(const eit_mesh *m, int face, double *k);

#endif
