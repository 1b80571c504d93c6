# Networks for supervised learning and the loop that fits them.
spinet_test(test_nets DOUBLE SINGLE TIMEOUT 60)
spinet_test(test_zoo DOUBLE SINGLE TIMEOUT 60)
spinet_test(test_rnn DOUBLE SINGLE TIMEOUT 60)
spinet_test(test_optim TIMEOUT 30)
spinet_test(test_loss DOUBLE SINGLE TIMEOUT 30)
spinet_test(test_fit DOUBLE SINGLE RANKS 4 TIMEOUT 120)
foreach(t test_fit test_fit_f)
  target_link_options(${t} PRIVATE -Wl,--wrap=run_tick,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc)
endforeach()
set_tests_properties(test_fit.4 test_fit_f.4 PROPERTIES ENVIRONMENT
                     "${spinet_env};OMP_NUM_THREADS=1;OMPI_MCA_mpi_yield_when_idle=1")
