spinet_test(test_metrics)
spinet_test(test_metrics_ptbxl)
spinet_test(test_logistic TIMEOUT 30)
