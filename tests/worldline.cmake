# Markov references of the Trotterised chain and its thermodynamics from moments: nothing in them depends on nn_real, the
# double build is enough.
spinet_test(test_quantum TIMEOUT 60)
spinet_test(test_worldline TIMEOUT 120)
spinet_test(physics_worldline TIMEOUT 120)
spinet_test(physics_worldline LABEL full ARGS full TIMEOUT 1800)
spinet_test(test_worldline_reference RANKS 4 TIMEOUT 120)
target_link_options(test_worldline_reference PRIVATE -Wl,--wrap=run_tick)
set_tests_properties(test_worldline_reference.4 PROPERTIES ENVIRONMENT
                     "${spinet_env};OMP_NUM_THREADS=1;OMPI_MCA_mpi_yield_when_idle=1")
