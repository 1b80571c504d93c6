# State space layers.
spinet_test(test_ssm DOUBLE SINGLE TIMEOUT 60)
