/* exact_wannier.c: exact_wannier_entropy: S/N = (2/pi) int_0^{pi/3} ln(2 cos w) dw = Cl_2(pi/3)/pi =
 * 0.32306594721945... (Wannier, Phys. Rev. 79 (1950) 357; the number printed there is corrected in Phys. Rev. B 7
 * (1973) 5017. The often quoted 0.3230659669 agrees with the integral to seven digits only.) */
#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <math.h>

#include "lattice/exact.h"

static double integrand(double w, void *none) {
  return log(2 * cos(w));
}

double exact_wannier_entropy(void) {
  double value = NAN, error;
  size_t calls;
  gsl_function f = {integrand, NULL};
  gsl_error_handler_t *old = gsl_set_error_handler_off();
  int status = gsl_integration_qng(&f, 0, M_PI / 3, 0, 1e-13, &value, &error, &calls);
  gsl_set_error_handler(old);
  return status ? NAN : 2 / M_PI * value;
}
