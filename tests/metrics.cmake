spinet_test(test_metrics)
spinet_test(test_metrics_ptbxl)
