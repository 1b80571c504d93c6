spinet_test(test_importance)
spinet_test(test_pareto)
spinet_test(test_gamma)
spinet_test(test_bridge)
