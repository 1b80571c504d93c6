# The neural core, the autoregressive proposal and its training.
spinet_test(test_gemm DOUBLE SINGLE TIMEOUT 60)
spinet_test(test_ops DOUBLE SINGLE TIMEOUT 60)
spinet_test(test_graph DOUBLE SINGLE TIMEOUT 60)
spinet_test(test_grow DOUBLE TIMEOUT 60)
spinet_test(test_ar DOUBLE SINGLE TIMEOUT 300)
spinet_test(test_train DOUBLE SINGLE RANKS 4 TIMEOUT 180)
spinet_test(test_alloc DOUBLE SINGLE TIMEOUT 60)
foreach(t test_alloc test_alloc_f)
  target_link_options(${t} PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc)
endforeach()
# A runtime that grants fewer threads than asked for changes no bits.
add_test(NAME test_train_f.limit COMMAND test_train_f)
set_tests_properties(test_train_f.limit PROPERTIES LABELS fast TIMEOUT 120 ENVIRONMENT
                     "${spinet_env};OMP_NUM_THREADS=1;OMP_THREAD_LIMIT=1")
