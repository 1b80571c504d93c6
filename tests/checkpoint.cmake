# Checkpoints: the same bits after stops, kills, on other numbers of ranks; damaged files; full disks.
spinet_test(test_checkpoint RANKS 4 TIMEOUT 180)
spinet_test(test_restart DOUBLE RANKS 4 TIMEOUT 300)
spinet_test(test_restart SINGLE RANKS 4 LABEL full TIMEOUT 300)
foreach(t test_restart test_restart_f)
  target_link_options(${t} PRIVATE -Wl,--wrap=run_tick)
endforeach()
set_tests_properties(test_checkpoint.4 test_restart.4 test_restart_f.full.4 PROPERTIES ENVIRONMENT
                     "${spinet_env};OMP_NUM_THREADS=1;OMPI_MCA_mpi_yield_when_idle=1")

add_executable(test_kill test_kill.c)
target_link_libraries(test_kill PRIVATE spinet_flags)
foreach(way "kill 10 fast" "signal 3 fast" "kill 200 full" "signal 20 full")
  string(REPLACE " " ";" way ${way})
  list(GET way 0 what)
  list(GET way 1 count)
  list(GET way 2 label)
  add_test(NAME test_kill.${what}.${count} COMMAND test_kill ${what} ${count} $<TARGET_FILE:spinet-d> $<TARGET_FILE:compare_runs> ${launcher})
  set_tests_properties(test_kill.${what}.${count} PROPERTIES LABELS ${label} TIMEOUT 1800 PROCESSORS 2 ENVIRONMENT
                       "${spinet_env};OMP_NUM_THREADS=1")
endforeach()
