/* eit_tissue.c: eit_tissues, eit_tissue_find, eit_tissue_conductivity, eit_bubbles, eit_lung_conductivity. */
#include "signals/eit_tissue.h"

#include <complex.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#define EPS0 8.8541878128e-12

const eit_tissue eit_tissues[] = {
    {"lung-inflated",
     2.5,
     {{18, 7.958e-12, .1}, {500, 63.662e-9, .1}, {2.5e5, 159.155e-6, .2}, {4e7, 7.958e-3, 0}},
     .03},
    {"lung-deflated", 4, {{45, 7.958e-12, .1}, {1000, 159.155e-9, .1}, {5e5, 159.155e-6, .2}, {1e7, 15.915e-3, 0}}, .2},
    {"blood", 4, {{56, 8.38e-12, .1}, {5200, 132.63e-9, .1}, {0, 1, 0}, {0, 1, 0}}, .7},
    {"muscle", 4, {{50, 7.234e-12, .1}, {7000, 353.678e-9, .1}, {1.2e6, 318.31e-6, .1}, {2.5e7, 2.274e-3, 0}}, .2},
    {"heart", 4, {{50, 7.958e-12, .1}, {1200, 159.155e-9, .05}, {4.5e5, 72.343e-6, .22}, {2.5e7, 4.547e-3, 0}}, .05},
    {"fat", 2.5, {{3, 7.958e-12, .2}, {15, 15.915e-9, .1}, {3.3e4, 159.155e-6, .05}, {1e7, 7.958e-3, .01}}, .01},
    {"fat-infiltrated",
     2.5,
     {{9, 7.958e-12, .2}, {35, 15.915e-9, .1}, {3.3e4, 159.155e-6, .05}, {1e7, 15.915e-3, .01}},
     .035},
    {"bone-cortical",
     2.5,
     {{10, 13.263e-12, .2}, {180, 79.577e-9, .2}, {5e3, 159.155e-6, .2}, {1e5, 15.915e-3, 0}},
     .02},
    {"bone-cancellous",
     2.5,
     {{18, 13.263e-12, .22}, {300, 79.577e-9, .25}, {2e4, 159.155e-6, .2}, {2e7, 15.915e-3, 0}},
     .07},
    {"liver", 4, {{39, 8.842e-12, .1}, {6000, 530.516e-9, .2}, {5e4, 22.736e-6, .2}, {3e7, 15.915e-3, .05}}, .02},
    {NULL}};

const eit_tissue *eit_tissue_find(const char *name) {
  for (const eit_tissue *t = eit_tissues; t->name; t++)
    if (!strcmp(t->name, name)) return t;
  return NULL;
}

double eit_tissue_conductivity(const eit_tissue *t, double frequency) {
  double w = 2 * 3.14159265358979323846 * frequency;
  double complex eps = t->eps_inf + t->ionic / (_Complex_I * w * EPS0);
  for (int m = 0; m < 4; m++)
    eps += t->pole[m].delta / (1 + cpow(_Complex_I * w * t->pole[m].tau, 1 - t->pole[m].alpha));
  return -w * EPS0 * cimag(eps);
}

double eit_bubbles(double sigma, double phi, int dim) {
  return sigma * (dim - 1) * (1 - phi) / (dim - 1 + phi);
}

double eit_lung_conductivity(double dry, double blood_sigma, double blood, double gas, double wet, int dim) {
  return eit_bubbles((1 - blood) * dry + blood * blood_sigma, gas / (gas + wet), dim);
}
