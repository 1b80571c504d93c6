# Sweeps, farms and what is made of many runs.
spinet_test(test_sweep RANKS 1 2 3)
spinet_test(test_collect)
add_test(NAME sweep COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/sweep.sh $<TARGET_FILE:spinet-d> ${launcher})
set_tests_properties(sweep PROPERTIES LABELS fast TIMEOUT 300 PROCESSORS 2 ENVIRONMENT "${spinet_env};OMP_NUM_THREADS=1")
