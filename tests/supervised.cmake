# Networks for supervised learning and the loop that fits them.
spinet_test(test_nets DOUBLE SINGLE TIMEOUT 60)
