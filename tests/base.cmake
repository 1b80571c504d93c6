spinet_test(test_reduce RANKS 1 2 3 4)
spinet_test(test_halo RANKS 2 3 4)
spinet_test(test_h5)
spinet_test(test_table)
spinet_test(test_plot)
spinet_test(test_run RANKS 1 3)
# One rank fails while another waits for it in the middle of the app: the run must end, not hang.
add_test(NAME test_run.lost COMMAND ${launcher} 2 $<TARGET_FILE:test_run> lost)
set_tests_properties(test_run.lost PROPERTIES LABELS fast TIMEOUT 60 ENVIRONMENT "${spinet_env}"
                     PASS_REGULAR_EXPRESSION "lost with code 1: rank 1 failed while other ranks were waiting for it: toy fails on rank 1")
spinet_test(test_command ARGS $<TARGET_FILE:spinet-d> ${launcher})
