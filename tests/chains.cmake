# Markov chains: nothing in them depends on nn_real, the double build is enough. Two threads: bits are compared with one.
spinet_test(test_chains THREADS 2 TIMEOUT 120)
