# Scalar fields with staggered fermions: action, force, determinant, integrators, updates, ensembles.
spinet_test(test_scalar RANKS 1 2 3 4 TIMEOUT 60)
spinet_test(test_staggered RANKS 1 2 4 TIMEOUT 60)
