/* eit_tissue.h: conductivities of tissues in S/m. Local. */
#ifndef SIGNALS_EIT_TISSUE_H
#define SIGNALS_EIT_TISSUE_H

/* Four Cole-Cole poles: epsilon = eps_inf + sum delta_m/(1 + (i omega tau_m)^(1 - alpha_m)) + sigma_i/(i omega eps_0).
 */
typedef struct eit_tissue {
  const char *name;
  double eps_inf;
  struct {
    double delta, tau, alpha; /* tau in s */
  } pole[4];
  double ionic; /* S/m */
} eit_tissue;

/* lung-inflated, lung-deflated, blood, muscle, heart, fat, fat-infiltrated, bone-cortical, bone-cancellous, liver; a
 * NULL name at the end. Source: Gabriel, Lau, Gabriel, Phys. Med. Biol. 41 (1996) 2271. */
extern const eit_tissue eit_tissues[];
const eit_tissue *eit_tissue_find(const char *name);                   /* NULL if unknown */
double eit_tissue_conductivity(const eit_tissue *t, double frequency); /* Hz */

/* A conductor with a part phi of insulating bubbles (Maxwell): spheres (dim 3) or cylinders seen end on (dim 2). */
double eit_bubbles(double sigma, double phi, int dim);

/* Lung of gas volume over tissue-and-blood volume gas/wet; the wet part holds a part `blood` of blood. */
double eit_lung_conductivity(double dry, double blood_sigma, double blood, double gas, double wet, int dim);

#endif
