# Markov references of the Trotterised chain and its thermodynamics from moments.
spinet_test(test_quantum TIMEOUT 60)
