spinet_test(test_lattice TIMEOUT 60)
spinet_test(test_exact TIMEOUT 120)
