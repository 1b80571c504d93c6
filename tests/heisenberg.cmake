# The neural sampler of the Trotterised Heisenberg chain.
spinet_test(test_ring_choice TIMEOUT 60)
spinet_test(test_ar_trotter DOUBLE SINGLE TIMEOUT 120)
spinet_test(test_ar_trotter LABEL full ARGS full TIMEOUT 1800)
