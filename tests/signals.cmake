spinet_test(test_wfdb)
spinet_test(test_wfdb_physionet)
