# Scalar fields with staggered fermions: action, force, determinant, integrators, updates, ensembles.
spinet_test(test_scalar RANKS 1 2 3 4 TIMEOUT 60)
spinet_test(test_staggered RANKS 1 2 4 TIMEOUT 60)
spinet_test(test_hmc RANKS 1 2 4 TIMEOUT 120)
spinet_test(test_scalar_chain RANKS 1 2 4 TIMEOUT 120)
spinet_test(test_scalar_chain RANKS 1 LABEL full ARGS full TIMEOUT 1800)
foreach(r 2 3 4) # more ranks than cores: those that wait make room
  foreach(t test_scalar test_staggered test_hmc test_scalar_chain)
    if(TEST ${t}.${r})
      set_tests_properties(${t}.${r} PROPERTIES ENVIRONMENT "${spinet_env};OMP_NUM_THREADS=1;OMPI_MCA_mpi_yield_when_idle=1")
    endif()
  endforeach()
endforeach()
