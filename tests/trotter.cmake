# The Trotterised Heisenberg chain, its exact references, and the extrapolation to m -> infinity.
spinet_test(test_trotter TIMEOUT 120)
spinet_test(test_trotter LABEL full ARGS full TIMEOUT 900)
spinet_test(test_chain TIMEOUT 120)
spinet_test(test_chain LABEL full ARGS full TIMEOUT 900)
spinet_test(test_extrapolate TIMEOUT 60)
