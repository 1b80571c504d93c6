# Statistics and physics of whole runs (physics_*.c), and the app's promises about bits and memory (app_ising.*).
spinet_test(physics_pulls ARGS fast TIMEOUT 120)
spinet_test(physics_pulls LABEL full ARGS full TIMEOUT 900)
spinet_test(physics_ising SINGLE TIMEOUT 240)
spinet_test(physics_ising SINGLE DOUBLE LABEL full ARGS 2 4 TIMEOUT 1200)

# Copies in memory of everything a run owns: phases are stopped in the middle by the wrapped functions.
spinet_test(app_ising RANKS 1 2 TIMEOUT 120)
target_link_options(app_ising PRIVATE -Wl,--wrap=run_tick,--wrap=run_stopping)

add_executable(compare_runs compare_runs.c)
target_link_libraries(compare_runs PRIVATE spinet_plain)
add_test(NAME app_ising.bits COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/app_ising.sh $<TARGET_FILE:spinet> $<TARGET_FILE:compare_runs>
                                     ${launcher})
set_tests_properties(app_ising.bits PROPERTIES LABELS fast TIMEOUT 300 PROCESSORS 2 ENVIRONMENT "${spinet_env}")
