# Markov references of the Trotterised chain and its thermodynamics from moments: nothing in them depends on nn_real, the
# double build is enough.
spinet_test(test_quantum TIMEOUT 60)
spinet_test(test_worldline TIMEOUT 120)
spinet_test(physics_worldline TIMEOUT 120)
spinet_test(physics_worldline LABEL full ARGS full TIMEOUT 1800)
