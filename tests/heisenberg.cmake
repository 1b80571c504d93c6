# The neural sampler of the Trotterised Heisenberg chain.
spinet_test(test_ring_choice TIMEOUT 60)
spinet_test(test_ar_trotter DOUBLE SINGLE TIMEOUT 120)
spinet_test(test_ar_trotter LABEL full ARGS full TIMEOUT 1800)
add_test(NAME app_heisenberg.bits COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/app_heisenberg.sh $<TARGET_FILE:spinet> $<TARGET_FILE:compare_runs>
                                          ${launcher})
set_tests_properties(app_heisenberg.bits PROPERTIES LABELS fast TIMEOUT 300 PROCESSORS 2 ENVIRONMENT "${spinet_env}")
