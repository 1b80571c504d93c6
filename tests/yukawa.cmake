# Scalar fields with staggered fermions: action, force, determinant, integrators, updates, ensembles.
spinet_test(test_scalar RANKS 1 2 3 4 TIMEOUT 60)
